import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups, type Backup } from '#api/backup.ts'
import { DeleteBackupRequests, type DeleteBackupRequest } from '#api/delete-backup-request.ts'
import { labelKeys, labelValue } from '#api/labels.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { isUnderWay } from '#api/phases.ts'
import { Restores, type Restore } from '#api/restore.ts'
import { backupLock, deleteBackupFiles, deleteBackupSnapshots, lockedMessage } from '#backup/delete.ts'
import type { KubeClient } from '#kube/client.ts'
import { messageOf, type Controller, type Environment, type Next } from '#runtime/controller.ts'
import type { ObjectLock } from '#store/store.ts'
import type { OpenSnapshotter } from '#volumes/snapshotter.ts'
import { clearLeftovers, isClearing } from './backup-leftovers.ts'
import type { LocationStores } from './location-stores.ts'
import { patchLasting } from './status-patch.ts'

export interface DeleteRequestControllerOptions {
  readonly stores: LocationStores
  /** From `installationName`. */
  readonly installation: string | undefined
  readonly snapshotters: OpenSnapshotter
  /** Told when a deletion that nothing speaks against begins, and how it ended. */
  readonly onStart: (backup: Backup) => void
  readonly onEnd: (backup: Backup, deleted: boolean) => void
}

const KEEP_PROCESSED_MS = 24 * 3600 * 1000

/** Deletes backups with their files and the restores made from them (spec/object-store §16). A request that a dead server began is done again: every step can be. */
export function deleteRequestController(options: DeleteRequestControllerOptions): Controller<DeleteBackupRequest> {
  return {
    name: 'backup-deletion',
    type: DeleteBackupRequests,
    async reconcile(request, environment): Promise<Next> {
      const { kube, namespace, now } = environment
      const { name, creationTimestamp = '' } = request.metadata
      if (request.status?.phase === 'Processed') {
        const left = Date.parse(creationTimestamp) + KEEP_PROCESSED_MS - now().getTime()
        if (left > 0) return { afterMillis: left }
        await kube.delete(DeleteBackupRequests, name, { namespace })
        return undefined
      }
      const outcome = await carryOut(request, environment, options)
      if ('waits' in outcome) return await waitForLock(request, outcome, environment)
      const { errors } = outcome
      if (errors.length === 0) {
        await removeRequests(await requestsFor(request, environment), environment)
        return undefined
      }
      const status = { phase: 'Processed', errors }
      await patchLasting(kube, DeleteBackupRequests, { name, namespace, change: { status } })
      // Of the answers about one backup the last is enough.
      const [, ...others] = await requestsFor(request, environment)
      await removeRequests(
        others.filter((other) => other.status?.phase === 'Processed'),
        environment,
      )
      return { afterMillis: KEEP_PROCESSED_MS }
    },
  }
}

/** What came of a request: sentences for its status about what went wrong, or why it has to wait, and until when. */
type Outcome = { readonly errors: string[] } | { readonly waits: string; readonly until: Date | undefined }

/** A hold is lifted by somebody, whenever that is. */
const HOLD_RECHECK_MS = 3_600_000

/** The request stays open, so that nobody asks once more, and says what it waits for. */
async function waitForLock(
  { metadata, status }: DeleteBackupRequest,
  { waits, until }: { waits: string; until: Date | undefined },
  { kube, namespace, now, log }: Environment,
): Promise<Next> {
  if (status?.errors?.join() !== waits) {
    const change = { status: { phase: 'InProgress', errors: [waits] } }
    await patchLasting(kube, DeleteBackupRequests, { name: metadata.name, namespace, change })
    log.info({ request: metadata.name }, waits)
  }
  // The bucket's clock decides, not ours.
  return { afterMillis: until === undefined ? HOLD_RECHECK_MS : Math.max(1000, until.getTime() - now().getTime()) }
}

/** Does what can be done. */
async function carryOut(
  request: DeleteBackupRequest,
  environment: Environment,
  options: DeleteRequestControllerOptions,
): Promise<Outcome> {
  const { kube, namespace, signal } = environment
  const { backupName } = request.spec
  if (backupName === '') return { errors: ['spec.backupName is required'] }
  const backup = await kube.find(Backups, backupName, { namespace, signal })
  if (backup === undefined || isAnother(backup, request)) {
    // A server died after it had deleted all of it.
    return { errors: request.status?.phase === 'InProgress' ? [] : ['backup not found'] }
  }
  const refusal = (await useOf(backup, environment)) ?? (await locationFault(backup, environment))
  if (refusal !== undefined) return { errors: [refusal] }
  const lock = await lockOf(backup, environment, options)
  if (lock !== undefined) return { waits: lockedMessage(backupName, lock), until: lock.until }
  await begin(request, backup, environment)
  options.onStart(backup)
  const error = await remove(backup, environment, options)
  options.onEnd(backup, error === undefined)
  return { errors: error === undefined ? [] : [error] }
}

/** Undefined also when nobody can tell now: what is locked cannot be deleted anyhow. */
async function lockOf(
  backup: Backup,
  { now, signal, log }: Environment,
  { stores, installation }: DeleteRequestControllerOptions,
): Promise<ObjectLock | undefined> {
  try {
    const store = await stores.openNamed(backup.spec.storageLocation ?? '')
    try {
      return await backupLock(store, backup, { installation, now: now() })
    } finally {
      await store.close()
    }
  } catch (error) {
    signal.throwIfAborted()
    log.warn({ backup: backup.metadata.name, error: messageOf(error) }, 'cannot tell whether the backup is locked')
    return undefined
  }
}

/** Whether the name of the backup that was meant belongs to a later one by now. */
function isAnother(backup: Backup, { metadata }: DeleteBackupRequest): boolean {
  const uid = metadata.labels?.[labelKeys.backupUid]
  return uid !== undefined && uid !== backup.metadata.uid
}

/** What the backup is in use for. */
async function useOf({ metadata, status }: Backup, environment: Environment): Promise<string | undefined> {
  if (isUnderWay(status?.phase)) return 'backup is still in progress'
  const restores = await restoresOf(metadata.name, environment)
  const running = restores.find((restore) => restore.status?.phase === 'InProgress')
  if (running === undefined || status?.phase === 'Deleting') return undefined
  return `restore ${running.metadata.name} of this backup is still in progress`
}

/** From here on nobody starts or restores this backup. */
async function begin(
  { metadata }: DeleteBackupRequest,
  backup: Backup,
  { kube, namespace }: Environment,
): Promise<void> {
  const { name: backupName, uid, resourceVersion } = backup.metadata
  const labels = { [labelKeys.backupName]: labelValue(backupName), [labelKeys.backupUid]: uid }
  const change = { metadata: { labels: { ...labels, ...metadata.labels } }, status: { phase: 'InProgress' } }
  await patchLasting(kube, DeleteBackupRequests, { name: metadata.name, namespace, change })
  const deleting = { metadata: { resourceVersion }, status: { phase: 'Deleting' } }
  await patchLasting(kube, Backups, { name: backupName, namespace, change: deleting })
}

/** Files first: as long as one is left, the Backup stays and the deletion can be asked for again. Gives what went wrong. */
async function remove(
  backup: Backup,
  environment: Environment,
  { stores, snapshotters, installation }: DeleteRequestControllerOptions,
): Promise<string | undefined> {
  const { kube, namespace, log, now, signal } = environment
  const { name } = backup.metadata
  try {
    const store = await stores.openNamed(backup.spec.storageLocation ?? '')
    try {
      const writer = { installation, now: now() }
      const cluster = (): Promise<KubeClient> => Promise.resolve(kube)
      // Afterwards nobody could tell whose they are.
      if (isClearing(backup)) await clearLeftovers(backup, store, environment)
      const snapshots = await deleteBackupSnapshots(store, backup, { cluster, snapshotters, writer, signal })
      for (const reason of snapshots.unreachable) log.warn({ backup: name, reason }, 'a snapshot is not deleted')
      if (snapshots.problems.length > 0) return snapshots.problems.join('; ')
      const deleted = await deleteBackupFiles(store, backup, writer)
      if (!deleted) log.warn({ backup: name }, 'files of another backup of this name are left alone')
    } finally {
      await store.close()
    }
    await deleteRestores(name, environment)
    await kube.delete(Backups, name, { namespace, uid: backup.metadata.uid, signal })
    log.info({ backup: name }, 'backup deleted')
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    log.error({ backup: name, error: messageOf(error) }, 'backup deletion failed')
    return messageOf(error)
  }
}

async function locationFault(backup: Backup, { kube, namespace, signal }: Environment): Promise<string | undefined> {
  const name = backup.spec.storageLocation ?? ''
  const location = await kube.find(BackupStorageLocations, name, { namespace, signal })
  if (location === undefined) return `backup storage location ${name} not found`
  if (location.spec.accessMode === 'ReadOnly')
    return `cannot delete backup because backup storage location ${name} is currently in read-only mode`
  if (location.status?.phase === 'Available') return undefined
  return `cannot delete backup because backup storage location ${name} is currently in Unavailable state`
}

const RESTORES_GONE_MS = 60_000

/** The restore controller removes their files; it needs the Backup for that, so they have to be gone before it goes. */
async function deleteRestores(backupName: string, environment: Environment): Promise<void> {
  const { kube, namespace, signal } = environment
  const deadline = performance.now() + RESTORES_GONE_MS
  for (;;) {
    const names = (await restoresOf(backupName, environment)).map(({ metadata }) => metadata.name)
    if (names.length === 0) return
    if (performance.now() > deadline) {
      throw new Error(`restores ${names.join(', ')} are still there a minute after they were deleted`)
    }
    for (const name of names) await kube.delete(Restores, name, { namespace, signal })
    await sleep(500, undefined, { signal })
  }
}

async function restoresOf(backupName: string, { kube, namespace, signal }: Environment): Promise<Restore[]> {
  const restores: Restore[] = []
  for await (const { items } of kube.pages(Restores, { namespace, signal })) {
    restores.push(...items.filter(({ spec }) => spec.backupName === backupName))
  }
  return restores
}

/** All requests about the same backup, this one among them. */
async function requestsFor(
  request: DeleteBackupRequest,
  { kube, namespace, signal }: Environment,
): Promise<DeleteBackupRequest[]> {
  const labelSelector = `${labelKeys.backupName}=${labelValue(request.spec.backupName)}`
  const uidOf = ({ metadata }: DeleteBackupRequest): string | undefined => metadata.labels?.[labelKeys.backupUid]
  const own = uidOf(request)
  const found: DeleteBackupRequest[] = []
  for await (const { items } of kube.pages(DeleteBackupRequests, { namespace, labelSelector, signal })) {
    found.push(...items.filter((other) => own === undefined || (uidOf(other) ?? own) === own))
  }
  return [request, ...found.filter(({ metadata }) => metadata.name !== request.metadata.name)]
}

async function removeRequests(
  requests: readonly DeleteBackupRequest[],
  { kube, namespace, signal }: Environment,
): Promise<void> {
  for (const { metadata } of requests) await kube.delete(DeleteBackupRequests, metadata.name, { namespace, signal })
}
