import { Backups, type Backup, type BackupStatus } from '#api/backup.ts'
import { annotationKeys } from '#api/labels.ts'
import { timestamp } from '#api/timestamp.ts'
import { BackupError } from '#backup/error.ts'
import { readPolicies } from '#backup/policies.ts'
import { runUntilWhole, type WholeBackup } from '#backup/run.ts'
import { messageOf, type Environment } from '#runtime/controller.ts'
import { backupKey } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import type { BackupControllerOptions } from './backup-controller.ts'
import { discardLeftovers, finishedBefore, warnOf } from './backup-leftovers.ts'
import { standingWriter } from './backup-standing.ts'
import type { BackupTurns } from './backup-turns.ts'
import { patchLasting, progressPatcher } from './status-patch.ts'
import { withdrawalOf } from './withdrawal.ts'

/** What a Backup is worked on with. */
export interface BackupContext {
  /** A server has worked on the backup before. */
  readonly resumes?: boolean
  /** As of when the backup shows the cluster, if that is a moment ago. */
  readonly version?: string | undefined
  /** Aborted when this server ends, so that another one takes up what it does. */
  readonly ends?: AbortSignal
  readonly environment: Environment
  readonly options: BackupControllerOptions
  readonly queue: BackupTurns
}

/** Writes to a backup, so that those who have their turn after it know. Undefined when it is gone. */
export async function writeBackup(
  name: string,
  change: object,
  { environment: { kube, namespace }, options }: BackupContext,
): Promise<Backup | undefined> {
  const written = await patchLasting(kube, Backups, { name, namespace, change })
  if (written !== undefined) options.ledger.wrote(written)
  return written
}

/** Makes a backup that was accepted, and writes its end to its Backup; not when this server ends, so that the next one takes it up. */
export async function makeBackup(backup: Backup, context: BackupContext): Promise<void> {
  const { log, now, signal } = context.environment
  const { name } = backup.metadata
  context.options.onStart(backup)
  log.info({ backup: name }, 'backup started')
  await using withdrawal = withdrawalOf(Backups, backup, context.environment)
  let end: BackupEnd
  try {
    const stop = AbortSignal.any([signal, withdrawal.signal])
    end = await run(backup, { ...context, ends: signal, environment: { ...context.environment, signal: stop } })
  } catch (error) {
    // The next server takes the backup up.
    if (signal.aborted) return
    const withdrawn = withdrawal.withdrawn()
    const cancelled = withdrawn?.why === 'cancelled' ? `${withdrawn.reason}; ` : ''
    const failureReason = `${cancelled}${messageOf(error)}`
    const status = { phase: 'Failed' as const, failureReason, completionTimestamp: timestamp(now()) }
    end = { status, archiveBytes: undefined, clear: undefined }
  }
  const { clear } = end
  // Without it the next server would not know, should this one end before it has cleared.
  const clearing = clear && { metadata: { annotations: { [annotationKeys.clearing]: 'true' } } }
  const ended = await writeBackup(name, { ...clearing, status: end.status }, context)
  const { phase, errors, warnings, failureReason } = end.status
  log.info({ backup: name, phase, errors, warnings, failureReason }, 'backup ended')
  if (ended !== undefined) context.options.onEnd(ended, end.archiveBytes)
  if (clear === undefined) return
  await clear()
  await markCleared(name, context)
}

/** Says that nothing of a backup is left in the cluster. */
export async function markCleared(name: string, context: BackupContext): Promise<void> {
  await writeBackup(name, { metadata: { annotations: { [annotationKeys.clearing]: null } } }, context)
}

interface BackupEnd extends Pick<WholeBackup, 'clear'> {
  readonly status: BackupStatus
  readonly archiveBytes: number | undefined
}

async function run(backup: Backup, context: BackupContext): Promise<BackupEnd> {
  const store = await context.options.stores.openNamed(backup.spec.storageLocation ?? '')
  try {
    const { environment, resumes, ends = environment.signal } = context
    const before = resumes === true ? await finishedBefore(backup, store, { ...environment, signal: ends }) : undefined
    // Cancelled while no server ran: it is not taken up.
    if (before === undefined && resumes === true && environment.signal.aborted && !ends.aborted)
      await discardLeftovers(backup, store, { environment, installation: context.options.installation })
    if (before === undefined) {
      const { backup: made, archiveBytes, clear } = await runFor(backup, store, context)
      return { status: made.status ?? {}, archiveBytes, clear }
    }
    // For a metric only: the backup is whole without it.
    const archive = await store.head(backupKey(backup.metadata.name, 'contents')).catch(() => undefined)
    return { status: before.status ?? {}, archiveBytes: archive?.size, clear: undefined }
  } finally {
    await store.close()
  }
}

async function runFor(backup: Backup, store: ObjectStore, context: BackupContext): Promise<WholeBackup> {
  const { environment, options, queue } = context
  const { kube, namespace, now, signal } = environment
  const { name } = backup.metadata
  // Afresh, for a backup that another server accepted too.
  const { policies, problems } = await readPolicies(kube, backup, { signal })
  if (problems.length > 0) throw new BackupError('invalid', problems.join('; '))
  const patcher = progressPatcher((progress) =>
    kube.patch(Backups, name, { merge: { status: { progress } } }, { namespace, signal }),
  )
  const standings = standingWriter(backup, environment, {
    write: (change) => writeBackup(name, change, context),
    onWaiting: () => queue.pass(environment),
  })
  try {
    return await runUntilWhole({
      backup,
      kube,
      store,
      now,
      signal,
      createdBy: options.createdBy,
      installation: options.installation,
      version: context.version,
      everyVersion: options.everyVersion,
      pageSize: options.pageSize,
      policies,
      snapshotters: options.snapshotters,
      plugins: options.plugins,
      operationPollMillis: options.operationPollMillis,
      onOperations: (standing) => standings.report(standing),
      resumes: context.resumes,
      isTakenUp: () => context.ends?.aborted === true,
      onLeftBehind: (left) => warnOf(left, name, environment),
      onProgress: ({ totalItems = 0, itemsBackedUp }) => patcher.report({ totalItems, itemsBackedUp }),
    })
  } finally {
    await Promise.all([patcher.settle(), standings.settle()])
  }
}
