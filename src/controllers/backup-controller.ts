import { BackupStorageLocations, type BackupStorageLocation } from '#api/backup-storage-location.ts'
import { Backups, type Backup, type BackupStatus } from '#api/backup.ts'
import { hasEnded } from '#api/phases.ts'
import { readObject } from '#api/read.ts'
import { VolumeSnapshotLocations } from '#api/volume-snapshot-location.ts'
import { defaultBackup, readClusterFacts, type BackupSettings } from '#backup/defaults.ts'
import { readPolicies } from '#backup/policies.ts'
import { validateBackup } from '#backup/validation.ts'
import { isWaiting, type BackupLedger } from './backup-ledger.ts'
import { isClearing } from './backup-leftovers.ts'
import { CHECK_PAUSE_MS, clearBackup, resumeBackup, resumeIfOurs } from './backup-resume.ts'
import { makeBackup, writeBackup, type BackupContext } from './backup-run.ts'
import { backupTurns } from './backup-turns.ts'
import type { PluginModule } from '#plugins/open.ts'
import type { Controller, Next } from '#runtime/controller.ts'
import type { OpenSnapshotter } from '#volumes/snapshotter.ts'
import type { LocationStores } from './location-stores.ts'
import { timestamp } from '#api/timestamp.ts'
import { cancelReason } from './withdrawal.ts'

export interface BackupControllerOptions {
  readonly stores: LocationStores
  /** Kept up to date by this controller. */
  readonly ledger: BackupLedger
  readonly snapshotters: OpenSnapshotter
  readonly settings: Omit<BackupSettings, 'locations'>
  /** From `installationName`. */
  readonly installation: string | undefined
  /** For the manifests: program and version. */
  readonly createdBy: string
  /** Backups made at once, not counting those that wait for operations of plug-ins. */
  readonly concurrent: number
  readonly plugins: readonly PluginModule[]
  /** Milliseconds between two questions about operations; default ten seconds. */
  readonly operationPollMillis?: number | undefined
  /** Of each run. */
  readonly everyVersion?: boolean | undefined
  readonly pageSize?: number | undefined
  readonly onStart: (backup: Backup) => void
  /** Told of each end, refusals included, with the size of the archive when there is one. */
  readonly onEnd: (backup: Backup, archiveBytes: number | undefined) => void
}

/** What a Backup needs from us now. */
export type BackupStep = 'nothing' | 'queue' | 'start' | 'cancel' | 'resume' | 'resume-if-ours' | 'clear'

/**
 * Decides by the phase alone. InProgress without anybody working on it is what a dead server left: it is made again under the
 * same name. In the phases of asynchronous operations it may be Velero's, whose operations only its plug-ins can end.
 */
export function backupStep(backup: Backup): BackupStep {
  const phase = backup.status?.phase
  if (backup.metadata.deletionTimestamp !== undefined || phase === 'Deleting') return 'nothing'
  if (hasEnded(phase)) return isClearing(backup) ? 'clear' : 'nothing'
  if (phase === 'InProgress') return 'resume'
  if (!isWaiting(backup) && phase !== 'ReadyToStart') return 'resume-if-ours'
  if (cancelReason(backup) !== undefined) return 'cancel'
  return isWaiting(backup) ? 'queue' : 'start'
}

/** Backups that wait for operations while others are made. */
const WAITING_AT_ONCE = 30

/** Makes the backups that Backup objects ask for. */
export function backupController(options: BackupControllerOptions): Controller<Backup> {
  const queue = backupTurns({ concurrent: options.concurrent, known: options.ledger })
  return {
    name: 'backup',
    type: Backups,
    // One more than work, so that the others get their places in the queue meanwhile.
    workers: options.concurrent + WAITING_AT_ONCE + 1,
    ledger: options.ledger,
    // Nearly all have ended: ten thousand are not read one by one, nor a thousand that got another place in the queue.
    concerns(backup) {
      const step = backupStep(backup)
      return step !== 'nothing' && !(step === 'queue' && backup.status?.phase === 'Queued' && queue.isAwake)
    },
    async reconcile(found, environment): Promise<Next> {
      const backup = readObject(Backups, found)
      const context = { environment, options, queue }
      switch (backupStep(backup)) {
        case 'queue':
          // What the queue itself has written is no news to it.
          if (backup.status?.phase !== 'Queued' || !queue.isAwake) await queue.pass(environment)
          return undefined
        case 'start': {
          const next = await start(backup, context)
          await queue.pass(environment)
          return next
        }
        case 'cancel':
          await cancelWaiting(backup, context)
          await queue.pass(environment)
          return undefined
        case 'resume':
          return await resumeBackup(backup, context)
        case 'resume-if-ours':
          return await resumeIfOurs(backup, context)
        case 'clear':
          await clearBackup(backup, context)
          return undefined
        case 'nothing':
          return undefined
      }
    },
    forget: (name) => queue.rest(name, false),
  }
}

/** `asked` with everything filled in that it does not say, its expiration among it. */
async function defaulted(asked: Backup, context: BackupContext) {
  const { kube, namespace, now, signal } = context.environment
  const [facts, { items: locations }, { items: snapshotLocations }] = await Promise.all([
    readClusterFacts(kube, { signal }),
    kube.list(BackupStorageLocations, { namespace, signal }),
    kube.list(VolumeSnapshotLocations, { namespace, signal }),
  ])
  const settings = { ...context.options.settings, locations, snapshotLocations }
  return { backup: defaultBackup(asked, { facts, now: now(), settings }), settings, version: facts.resourceVersion }
}

/** Ends a backup that has not begun. */
async function cancelWaiting(asked: Backup, context: BackupContext): Promise<void> {
  const { now, log } = context.environment
  const { backup } = await defaulted(asked, context)
  const { queuePosition: _, ...before } = backup.status ?? {}
  const failureReason = cancelReason(asked)
  const status = { ...before, phase: 'Failed' as const, failureReason, completionTimestamp: timestamp(now()) }
  const ended = await accept(backup, status, context)
  log.info({ backup: asked.metadata.name, failureReason }, 'backup ended before it had begun')
  if (ended !== undefined) context.options.onEnd(ended, undefined)
}

async function start(asked: Backup, context: BackupContext): Promise<Next> {
  const { kube, now, signal, log } = context.environment
  const { backup, settings, version } = await defaulted(asked, context)
  if (awaitsCheck(backup, settings.locations)) return { afterMillis: CHECK_PAUSE_MS }
  const { problems: policyProblems } = await readPolicies(kube, backup, { signal })
  const problems = validateBackup(backup, { ...settings, policyProblems })
  if (problems.length > 0) {
    log.warn({ backup: backup.metadata.name, problems }, 'backup refused')
    const status = { ...backup.status, phase: 'FailedValidation' as const, validationErrors: problems }
    const refused = await accept(backup, status, context)
    if (refused !== undefined) context.options.onEnd(refused, undefined)
    return undefined
  }
  const status = { ...backup.status, phase: 'InProgress' as const, startTimestamp: timestamp(now()) }
  const started = await accept(backup, status, context)
  if (started !== undefined) await makeBackup(started, { ...context, version })
  return undefined
}

/** Velero would refuse the backup instead. */
function awaitsCheck({ spec }: Backup, locations: readonly BackupStorageLocation[]): boolean {
  const location = locations.find(({ metadata }) => metadata.name === spec.storageLocation)
  return location !== undefined && !location.status?.phase
}

/** Writes the defaults and the new phase before anything is done, so that a crash is seen by the next server. Not over a request for deletion. */
async function accept(backup: Backup, status: BackupStatus, context: BackupContext): Promise<Backup | undefined> {
  const { name, labels, annotations, resourceVersion } = backup.metadata
  const queuePosition = status.queuePosition ?? null
  const metadata = { labels, annotations, resourceVersion }
  const change = { metadata, spec: backup.spec, status: { ...status, queuePosition } }
  return await writeBackup(name, change, context)
}
