import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups } from '#api/backup.ts'
import { Restores, type Restore, type RestoreStatus } from '#api/restore.ts'
import { restoreWishes } from '#api/restore-wishes.ts'
import { timestamp } from '#api/timestamp.ts'
import { runRestore } from '#restore/run.ts'
import { messageOf, type Environment } from '#runtime/controller.ts'
import type { LocationStores } from './location-stores.ts'
import { deletionOf } from './restore-deletion.ts'
import { makeSafetyBackup } from './safety-backup.ts'
import { patchLasting, progressPatcher } from './status-patch.ts'

export interface MakeOptions {
  readonly stores: LocationStores
  /** True for a restore that a server left in progress. */
  readonly resumes: boolean
}

/**
 * Runs a Restore that is in progress and writes how it ended. Resolves to it, or to undefined when it has no end: this process
 * stops and the next one takes it up, or it was deleted, which stops it.
 */
export async function makeRestore(
  restore: Restore,
  environment: Environment,
  options: MakeOptions,
): Promise<Restore | undefined> {
  const { kube, namespace, log, now, signal } = environment
  const { name } = restore.metadata
  await using deletion = deletionOf(restore, environment)
  let status: RestoreStatus
  try {
    const within = { ...environment, signal: AbortSignal.any([signal, deletion.signal]) }
    status = await run(restore, within, options)
  } catch (error) {
    if (signal.aborted) return undefined
    if (deletion.signal.aborted) {
      log.info({ restore: name }, 'restore stopped: it was deleted')
      return undefined
    }
    status = { phase: 'Failed', failureReason: messageOf(error), completionTimestamp: timestamp(now()) }
  }
  const { phase, errors, warnings, failureReason } = status
  const ended = await patchLasting(kube, Restores, { name, namespace, change: { status } })
  log.info({ restore: name, phase, errors, warnings, failureReason }, 'restore ended')
  return ended
}

async function run(restore: Restore, environment: Environment, options: MakeOptions): Promise<RestoreStatus> {
  const { kube, namespace, now, signal } = environment
  const { name } = restore.metadata
  const backup = await kube.get(Backups, restore.spec.backupName ?? '', { namespace, signal })
  if (restoreWishes(restore).safetyBackup) await makeSafetyBackup(restore, { restored: backup, environment })
  const locationName = backup.spec.storageLocation ?? ''
  const store = await options.stores.openNamed(locationName)
  const patcher = progressPatcher((progress) =>
    kube.patch(Restores, name, { merge: { status: { progress } } }, { namespace, signal }),
  )
  try {
    const location = await kube.get(BackupStorageLocations, locationName, { namespace, signal })
    const ended = await runRestore({
      restore,
      backup,
      kube,
      store,
      now,
      signal,
      resumes: options.resumes,
      readOnly: location.spec.accessMode === 'ReadOnly',
      onProgress: ({ totalItems, itemsRestored }) => patcher.report({ totalItems, itemsRestored }),
    })
    return ended.status ?? {}
  } finally {
    await patcher.settle()
    await store.close()
  }
}
