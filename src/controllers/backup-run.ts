import { Backups, type Backup, type BackupStatus } from '#api/backup.ts'
import { timestamp } from '#api/timestamp.ts'
import { BackupError } from '#backup/error.ts'
import { readPolicies } from '#backup/policies.ts'
import { runBackup } from '#backup/run.ts'
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
  let end: { status: BackupStatus; archiveBytes: number | undefined }
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
    end = { status, archiveBytes: undefined }
  }
  const ended = await writeBackup(name, { status: end.status }, context)
  const { phase, errors, warnings, failureReason } = end.status
  log.info({ backup: name, phase, errors, warnings, failureReason }, 'backup ended')
  if (ended !== undefined) context.options.onEnd(ended, end.archiveBytes)
}

async function run(
  backup: Backup,
  context: BackupContext,
): Promise<{ status: BackupStatus; archiveBytes: number | undefined }> {
  const store = await context.options.stores.openNamed(backup.spec.storageLocation ?? '')
  try {
    const { environment, resumes, ends = environment.signal } = context
    const before = await finishedBefore(backup, store, { ...environment, signal: ends })
    // Cancelled while no server ran: it is not taken up.
    if (before === undefined && resumes === true && environment.signal.aborted && !ends.aborted)
      await discardLeftovers(backup, store, { environment, installation: context.options.installation })
    const { status = {} } = before ?? (await runFor(backup, store, context))
    // For a metric only: the backup is whole without it.
    const archive = await store.head(backupKey(backup.metadata.name, 'contents')).catch(() => undefined)
    return { status, archiveBytes: archive?.size }
  } finally {
    await store.close()
  }
}

async function runFor(backup: Backup, store: ObjectStore, context: BackupContext): Promise<Backup> {
  const { environment, options, queue } = context
  const { kube, namespace, now, signal } = environment
  const { name } = backup.metadata
  // Afresh, for a backup that another server accepted too.
  const { policies, problems } = await readPolicies(kube, backup, { signal })
  if (problems.length > 0) throw new BackupError('invalid', problems.join('; '))
  const patcher = progressPatcher((progress) =>
    kube.patch(Backups, name, { merge: { status: { progress } } }, { namespace, signal }),
  )
  try {
    return await runBackup({
      backup,
      kube,
      store,
      now,
      signal,
      createdBy: options.createdBy,
      installation: options.installation,
      everyVersion: options.everyVersion,
      pageSize: options.pageSize,
      policies,
      snapshotters: options.snapshotters,
      plugins: options.plugins,
      operationPollMillis: options.operationPollMillis,
      onOperations: standingWriter(backup, environment, {
        write: (change) => writeBackup(name, change, context),
        onWaiting: () => queue.pass(environment),
      }),
      resumes: context.resumes,
      isTakenUp: () => context.ends?.aborted === true,
      onLeftBehind: (left) => warnOf(left, name, environment),
      onProgress: ({ totalItems = 0, itemsBackedUp }) => patcher.report({ totalItems, itemsBackedUp }),
    })
  } finally {
    await patcher.settle()
  }
}
