import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups } from '#api/backup.ts'
import { annotationKeys } from '#api/labels.ts'
import { Restores, type Restore, type RestoreStatus } from '#api/restore.ts'
import { restoreWishes } from '#api/restore-wishes.ts'
import { timestamp } from '#api/timestamp.ts'
import type { PluginModule } from '#plugins/open.ts'
import { RestoreError } from '#restore/error.ts'
import { restoreOperationStatus, type RestoreOperationStanding } from '#restore/operations.ts'
import { runRestore } from '#restore/run.ts'
import type { RestoreSettings } from '#restore/settings.ts'
import { messageOf, type Environment } from '#runtime/controller.ts'
import type { OpenSnapshotter } from '#volumes/snapshotter.ts'
import type { LocationStores } from './location-stores.ts'
import { cancelSafetyBackup, makeSafetyBackup } from './safety-backup.ts'
import { patchLasting, progressPatcher } from './status-patch.ts'
import { withdrawalOf } from './withdrawal.ts'

export interface MakeOptions {
  readonly stores: LocationStores
  readonly snapshotters: OpenSnapshotter
  readonly plugins: readonly PluginModule[]
  readonly operationPollMillis?: number | undefined
  /** Told when others may run, since this one only waits for operations. */
  readonly onWaiting: () => Promise<void>
  /** How restores are done, besides what each says. */
  readonly settings?: RestoreSettings | undefined
  /** True for a restore that a server left in progress. */
  readonly resumes: boolean
}

/**
 * Runs a Restore that is in progress and writes how it ended. Resolves to it, or to undefined when it has no end: this process
 * stops and the next one takes it up, or it was deleted, which stops it. One that was cancelled stops too, and has failed.
 */
export async function makeRestore(
  restore: Restore,
  environment: Environment,
  options: MakeOptions,
): Promise<Restore | undefined> {
  const { kube, namespace, log, now, signal } = environment
  const { name } = restore.metadata
  await using withdrawal = withdrawalOf(Restores, restore, environment)
  let status: RestoreStatus
  try {
    const within = { ...environment, signal: AbortSignal.any([signal, withdrawal.signal]) }
    status = await run(await begun(restore, environment), within, options)
  } catch (error) {
    if (signal.aborted) return undefined
    const withdrawn = withdrawal.withdrawn()
    if (withdrawn !== undefined && restoreWishes(restore).safetyBackup) await cancelSafetyBackup(restore, environment)
    if (withdrawn?.why === 'deleted') {
      log.info({ restore: name }, 'restore stopped: it was deleted')
      return undefined
    }
    const failureReason =
      withdrawn === undefined ? messageOf(error) : `${withdrawn.reason}; ${stoppedWhere(error, options)}`
    status = { phase: 'Failed', failureReason, completionTimestamp: timestamp(now()) }
  }
  const { phase, errors, warnings, failureReason } = status
  const metadata = { annotations: { [annotationKeys.awaitsOperations]: null } }
  const ended = await patchLasting(kube, Restores, { name, namespace, change: { metadata, status } })
  log.info({ restore: name, phase, errors, warnings, failureReason }, 'restore ended')
  return ended
}

/** How far a restore had got when it was stopped. */
function stoppedWhere(error: unknown, { resumes }: MakeOptions): string {
  if (error instanceof RestoreError) return error.message
  return resumes ? 'what an earlier server restored stays' : 'nothing was restored'
}

/** One that was left waiting for operations starts over with them. */
async function begun(restore: Restore, { kube, namespace }: Environment): Promise<Restore> {
  if (restore.status?.phase === 'InProgress') return restore
  const counters = {
    restoreItemOperationsAttempted: null,
    restoreItemOperationsCompleted: null,
    restoreItemOperationsFailed: null,
  }
  const change = { status: { phase: 'InProgress', ...counters } }
  return (await patchLasting(kube, Restores, { name: restore.metadata.name, namespace, change })) ?? restore
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
      snapshotters: options.snapshotters,
      now,
      signal,
      settings: options.settings,
      resumes: options.resumes,
      plugins: options.plugins,
      operationPollMillis: options.operationPollMillis,
      onOperations: standingWriter(restore, environment, options),
      readOnly: location.spec.accessMode === 'ReadOnly',
      onProgress: ({ totalItems, itemsRestored }) => patcher.report({ totalItems, itemsRestored }),
    })
    return ended.status ?? {}
  } finally {
    await patcher.settle()
    await store.close()
  }
}

/** Writes where the restore stands with its operations, when that has changed. Failing to is no reason to lose the restore. */
function standingWriter(
  { metadata: { name } }: Restore,
  { kube, namespace, log }: Environment,
  { onWaiting }: MakeOptions,
): (standing: RestoreOperationStanding) => Promise<void> {
  let written = ''
  return async (standing) => {
    const status = { phase: standing.phase, ...restoreOperationStatus(standing) }
    if (JSON.stringify(status) === written) return
    try {
      const metadata = { annotations: { [annotationKeys.awaitsOperations]: 'true' } }
      await patchLasting(kube, Restores, { name, namespace, change: { metadata, status } })
      written = JSON.stringify(status)
      log.info({ restore: name, ...status }, 'restore waits for operations of plug-ins')
      await onWaiting()
    } catch (error) {
      log.warn({ restore: name, error: messageOf(error) }, 'the phase of a restore could not be written')
    }
  }
}
