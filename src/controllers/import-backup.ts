import { Backups, type Backup } from '#api/backup.ts'
import { annotationKeys } from '#api/labels.ts'
import { PodVolumeBackups, type PodVolumeBackup } from '#api/pod-volume-backup.ts'
import { storedBackup, storedVolumeBackups } from '#backup/stored.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { messageOf, type Environment } from '#runtime/controller.ts'
import { StoreError, type ObjectStore } from '#store/store.ts'
import { importedVolumeBackup, importStep, markImporting } from './imported-backup.ts'
import { patchLasting } from './status-patch.ts'

export interface ImportContext {
  readonly environment: Environment
  readonly store: ObjectStore
  readonly location: string
  /** Uids of the Schedules in the namespace. */
  readonly schedules: ReadonlySet<string>
}

/** How an import ended. What waits is looked at again by the next pass, as is what was refused: somebody may mend it. */
export type ImportEnd = { readonly end: 'imported' | 'waits' } | { readonly end: 'refused'; readonly reason: string }

/** Makes the object of a stored backup and of its PodVolumeBackups. Rejects with StoreError or KubeError when the trouble is not this one backup. */
export async function importBackup(name: string, context: ImportContext): Promise<ImportEnd> {
  return await refusable(context, async () => {
    const { environment, location, store, schedules } = context
    const { namespace, now, log } = environment
    const stored = await storedBackup(store, name)
    if (stored === undefined) return { end: 'waits' }
    const step = importStep(stored, { folder: name, location, namespace, schedules, now: now() })
    if (step.do === 'refuse') return { end: 'refused', reason: step.reason }
    if (step.do === 'wait') {
      log.debug({ backup: name, location, phase: step.phase }, 'backup in the store is not finished')
      return { end: 'waits' }
    }
    // Before anything is made: what cannot be read now is tried again as a whole.
    const volumes = await storedVolumeBackups(store, name)
    const backup = volumes.length > 0 ? markImporting(step.backup) : step.backup
    const made = await makeUnlessThere(Backups, backup, environment)
    if (made === undefined) return { end: 'waits' }
    if (volumes.length > 0) await makeVolumeBackups(made, volumes, context)
    log.info({ backup: name, location, phase: made.status?.phase }, 'backup found in the store')
    return { end: 'imported' }
  })
}

/** Takes up an import that was cut off after the Backup object was made. */
export async function finishImport(name: string, context: ImportContext): Promise<ImportEnd> {
  return await refusable(context, async () => {
    const { kube, namespace, signal } = context.environment
    const backup = await kube.find(Backups, name, { namespace, signal })
    if (backup === undefined) return { end: 'waits' }
    await makeVolumeBackups(backup, await storedVolumeBackups(context.store, name), context)
    return { end: 'imported' }
  })
}

async function makeVolumeBackups(
  backup: Backup,
  volumes: readonly PodVolumeBackup[],
  { environment, location }: ImportContext,
): Promise<void> {
  const { namespace, log, kube } = environment
  const { name } = backup.metadata
  for (const volume of volumes) {
    const imported = importedVolumeBackup(volume, backup, { location, namespace })
    if (imported !== undefined) await makeUnlessThere(PodVolumeBackups, imported, environment)
    else log.warn({ backup: name, volume: volume.metadata.name }, 'left out: the copy of this volume never ended')
  }
  const done = { metadata: { annotations: { [annotationKeys.importing]: null } } }
  await patchLasting(kube, Backups, { name, namespace, change: done })
}

async function makeUnlessThere<T extends KubeObject>(
  type: ResourceType<T>,
  object: T,
  { kube, namespace, signal }: Environment,
): Promise<T | undefined> {
  try {
    return await kube.create(type, object, { namespace, signal })
  } catch (error) {
    if (error instanceof KubeError && error.problem === 'already-exists') return undefined
    throw error
  }
}

/** A file that cannot be read and an object that the API server does not take are this backup's fault; anything else would befall the next one too. */
async function refusable({ environment }: ImportContext, work: () => Promise<ImportEnd>): Promise<ImportEnd> {
  try {
    return await work()
  } catch (error) {
    environment.signal.throwIfAborted()
    if (error instanceof StoreError) throw error
    if (error instanceof KubeError && error.problem !== 'invalid') throw error
    return { end: 'refused', reason: messageOf(error) }
  }
}
