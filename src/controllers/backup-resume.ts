import { BackupStorageLocations, type BackupStorageLocation } from '#api/backup-storage-location.ts'
import type { Backup } from '#api/backup.ts'
import { parseDuration } from '#api/duration.ts'
import { annotationKeys } from '#api/labels.ts'
import { hasEnded } from '#api/phases.ts'
import { storedBackup } from '#backup/stored.ts'
import { messageOf, type Next } from '#runtime/controller.ts'
import { clearLeftovers } from './backup-leftovers.ts'
import { makeBackup, markCleared, writeBackup, type BackupContext } from './backup-run.ts'
import { cancelReason } from './withdrawal.ts'

/** What becomes of a backup that a server left in progress. `why` is a phrase for whoever looks at it. */
export type ResumeStep =
  | { readonly do: 'make' }
  | { readonly do: 'await-check' }
  | { readonly do: 'wait'; readonly why: string }

/** A new location is checked in a moment. */
export const CHECK_PAUSE_MS = 500
/** When a location that could not be used is looked at again. */
const RECHECK_MS = 10_000
const USUAL_TIMEOUT = '4h0m0s'

/**
 * A location that cannot be used now is waited for, as long as the backup may take for its operations; after that it is made all the same, and
 * fails with the reason. So does at once what nobody can wait for: a location that is gone. Pure.
 */
export function resumeStep(
  backup: Backup,
  facts: { location: BackupStorageLocation | undefined; unreadable: string | undefined; now: Date },
): ResumeStep {
  const { location, unreadable, now } = facts
  if (location === undefined || cancelReason(backup) !== undefined) return { do: 'make' }
  const { phase, message } = location.status ?? {}
  if (!phase) return { do: 'await-check' }
  const why = unreadable ?? (phase === 'Unavailable' ? message || 'the server found it unusable' : undefined)
  if (why === undefined) return { do: 'make' }
  const began = Date.parse(String(backup.status?.startTimestamp ?? backup.metadata.creationTimestamp ?? ''))
  const until = began + parseDuration(backup.spec.itemOperationTimeout ?? USUAL_TIMEOUT)
  if (!(now.getTime() < until)) return { do: 'make' }
  return { do: 'wait', why: `backup location ${location.metadata.name} cannot be used: ${why}` }
}

/** Makes a backup again that a server left, as soon as it can be. Others go on while it cannot. */
export async function resumeBackup(backup: Backup, context: BackupContext): Promise<Next> {
  const { environment, queue } = context
  const { log, now } = environment
  const { name } = backup.metadata
  const location = await locationOf(backup, context)
  const isUsable = location?.status?.phase === 'Available' && cancelReason(backup) === undefined
  const unreadable = isUsable ? await whyUnreadable(location, context) : undefined
  const step = resumeStep(backup, { location, unreadable, now: now() })
  queue.rest(name, step.do === 'wait')
  const waited = backup.metadata.annotations?.[annotationKeys.waits]
  switch (step.do) {
    case 'await-check':
      return { afterMillis: CHECK_PAUSE_MS }
    case 'wait':
      // Once: errors of stores may read otherwise each time, and every change would be a reason to look again at once.
      if (waited === undefined) {
        log.warn({ backup: name, reason: step.why }, 'backup that a server left waits')
        await writeBackup(name, { metadata: { annotations: { [annotationKeys.waits]: step.why } } }, context)
      }
      await queue.pass(environment)
      return { afterMillis: RECHECK_MS }
    case 'make':
      if (waited !== undefined)
        await writeBackup(name, { metadata: { annotations: { [annotationKeys.waits]: null } } }, context)
      log.info({ backup: name }, 'backup that a server left is made again')
      await makeBackup(backup, { ...context, resumes: true })
      await queue.pass(environment)
      return undefined
  }
}

async function locationOf(
  { spec }: Backup,
  { environment }: BackupContext,
): Promise<BackupStorageLocation | undefined> {
  const { kube, namespace, signal } = environment
  // Without a name the whole collection would come back.
  return spec.storageLocation
    ? await kube.find(BackupStorageLocations, spec.storageLocation, { namespace, signal })
    : undefined
}

/** What the server before us found may be true no more. */
async function whyUnreadable(
  location: BackupStorageLocation,
  { environment: { signal }, options }: BackupContext,
): Promise<string | undefined> {
  try {
    const store = await options.stores.open(location, { signal })
    try {
      await store.check({ write: false })
      return undefined
    } finally {
      await store.close()
    }
  } catch (error) {
    signal.throwIfAborted()
    return messageOf(error)
  }
}

/** Ends what a server has begun after the end of the backup. Rejects when its location cannot be read: then it is tried again. */
export async function clearBackup(backup: Backup, context: BackupContext): Promise<void> {
  const { name } = backup.metadata
  const store = await context.options.stores.openNamed(backup.spec.storageLocation ?? '')
  try {
    await clearLeftovers(backup, store, context.environment)
  } finally {
    await store.close()
  }
  await markCleared(name, context)
  context.environment.log.info({ backup: name }, 'snapshots that a server left are cleared away')
}

/** Velero stores a backup before it waits for operations, we do afterwards. */
export async function resumeIfOurs(backup: Backup, context: BackupContext): Promise<Next> {
  const { log } = context.environment
  const { name } = backup.metadata
  try {
    const store = await context.options.stores.openNamed(backup.spec.storageLocation ?? '')
    try {
      const stored = await storedBackup(store, name)
      if (stored !== undefined && !hasEnded(stored.status?.phase)) {
        log.warn({ backup: name, phase: backup.status?.phase }, 'left to Velero: it waits for plug-ins')
        return undefined
      }
    } finally {
      await store.close()
    }
  } catch (error) {
    log.warn({ backup: name, error: messageOf(error) }, 'not taken up: its location cannot be read')
    return { afterMillis: RECHECK_MS }
  }
  const counters = {
    backupItemOperationsAttempted: null,
    backupItemOperationsCompleted: null,
    backupItemOperationsFailed: null,
  }
  const change = { status: { phase: 'InProgress' as const, ...counters } }
  const again = await writeBackup(name, change, context)
  return again === undefined ? undefined : await resumeBackup(again, context)
}
