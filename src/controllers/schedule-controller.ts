import { Backups, type Backup } from '#api/backup.ts'
import { ApiError } from '#api/error.ts'
import { annotationKeys } from '#api/labels.ts'
import { readObject } from '#api/read.ts'
import { Schedules, type Schedule, type ScheduleStatus } from '#api/schedule.ts'
import { timestamp } from '#api/timestamp.ts'
import { backupFromSchedule } from '#backup/from-schedule.ts'
import { KubeError } from '#kube/error.ts'
import type { Controller, Environment, Next } from '#runtime/controller.ts'
import { retentionOf } from '#schedule/retention-plan.ts'
import type { BackupLedger } from './backup-ledger.ts'
import type { ScheduleLedger } from './schedule-ledger.ts'
import { nameTimes, runningBackup, scheduleStep, type ScheduleStep } from './schedule-step.ts'
import { patchLasting } from './status-patch.ts'

export interface ScheduleControllerOptions {
  /** What becomes of a new schedule that does not say `skipImmediately`. */
  readonly skipByDefault: boolean
  /** From `clusterIdentity`: noted on every backup, so that the rules of the schedule judge no other cluster's. */
  readonly cluster: string | undefined
  /** Kept up to date by this controller. */
  readonly ledger: ScheduleLedger
  /** Which backups there are. */
  readonly known: BackupLedger
  readonly onSeen: (name: string) => void
  readonly onGone: (name: string) => void
  /** Told once, when it is found out. */
  readonly onRefused: (schedule: Schedule, problems: readonly string[]) => void
  /** Told of each backup that was asked for because it was due. */
  readonly onFired: (schedule: Schedule, backup: string) => void
}

/** How soon a backup that is due looks again whether the one before it has ended: soon after, and with one call. */
const BUSY_PAUSE_MS = 15_000
/** A timer knows nothing of a clock that is set, or of a machine that slept. */
const LONGEST_WAIT_MS = 5 * 60_000

/** Schedules looked at at once; the queue never gives one of them to two workers. */
const WORKERS = 4

/** Makes Backups when they are due by their Schedule. Which ones are kept is not decided here. */
export function scheduleController(options: ScheduleControllerOptions): Controller<Schedule> {
  return {
    name: 'schedule',
    type: Schedules,
    workers: WORKERS,
    ledger: options.ledger,
    async reconcile(found, environment): Promise<Next> {
      const { name } = found.metadata
      if (found.metadata.deletionTimestamp !== undefined) return undefined
      options.onSeen(name)
      const now = environment.now()
      const { schedule, step } = decide(found, { now, skipByDefault: options.skipByDefault })
      switch (step.do) {
        case 'refuse':
          if (found.status?.phase !== 'FailedValidation') {
            environment.log.warn({ schedule: name, problems: step.problems }, 'schedule refused')
            options.onRefused(found, step.problems)
          }
          await record(found, { phase: 'FailedValidation', validationErrors: [...step.problems] }, environment)
          return undefined
        case 'rest':
          await record(schedule, enabled(schedule), environment)
          return undefined
        case 'skip':
          await skip(schedule, environment)
          return undefined
        case 'wait':
          await record(schedule, enabled(schedule), environment)
          return { afterMillis: Math.min(step.until.getTime() - now.getTime(), LONGEST_WAIT_MS) }
        case 'start':
          return await start(schedule, step.due, { environment, options })
      }
    },
    forget: options.onGone,
  }
}

/** A schedule that cannot be read is refused with what is wrong in it. */
function decide(
  found: Schedule,
  facts: { now: Date; skipByDefault: boolean },
): { schedule: Schedule; step: ScheduleStep } {
  try {
    const schedule = readObject(Schedules, found)
    return { schedule, step: scheduleStep(schedule, facts) }
  } catch (error) {
    if (error instanceof ApiError) return { schedule: found, step: { do: 'refuse', problems: [error.message] } }
    throw error
  }
}

type Verdict = Required<Pick<ScheduleStatus, 'phase'>> & Pick<ScheduleStatus, 'validationErrors'>

/** Writes the verdict when it is another than before. */
async function record(
  { metadata: { name }, status }: Schedule,
  verdict: Verdict,
  { kube, namespace }: Environment,
): Promise<void> {
  const validationErrors = verdict.validationErrors ?? null
  const isSo =
    status?.phase === verdict.phase &&
    JSON.stringify(status?.validationErrors ?? null) === JSON.stringify(validationErrors)
  if (isSo) return
  await patchLasting(kube, Schedules, {
    name,
    namespace,
    change: { status: { phase: verdict.phase, validationErrors } },
  })
}

/** Once: the wish is taken back when it is fulfilled. */
async function skip({ metadata: { name } }: Schedule, { kube, namespace, now, log }: Environment): Promise<void> {
  const change = { spec: { skipImmediately: false }, status: { lastSkipped: timestamp(now()) } }
  await patchLasting(kube, Schedules, { name, namespace, change })
  log.info({ schedule: name }, 'what is due by now is left out')
}

async function start(
  schedule: Schedule,
  due: Date,
  { environment, options }: { environment: Environment; options: ScheduleControllerOptions },
): Promise<Next> {
  const { kube, namespace, now, log } = environment
  const { name } = schedule.metadata
  const running = runningBackup(name, await options.known.all(environment))
  if (running !== undefined) {
    log.info({ schedule: name, due, waitsFor: running.name }, 'a backup of this schedule is not done yet')
    await record(schedule, enabled(schedule), environment)
    return { afterMillis: BUSY_PAUSE_MS }
  }
  const { name: made, isNew } = await ask(schedule, due, { environment, options })
  log.info({ schedule: name, backup: made }, isNew ? 'scheduled backup asked for' : 'it was asked for before')
  if (isNew) options.onFired(schedule, made)
  const { phase, validationErrors = null } = enabled(schedule)
  const status = { phase, validationErrors, lastBackup: timestamp(now()) }
  await patchLasting(kube, Schedules, { name, namespace, change: { status } })
  // That patch wakes us again, and the wait for the next one begins.
  return undefined
}

/** Creates the backup that was due at `due`, unless a server that died, or lost the answer, has done so: then it is there under one of its names. */
async function ask(
  schedule: Schedule,
  due: Date,
  { environment, options }: { environment: Environment; options: ScheduleControllerOptions },
): Promise<{ name: string; isNew: boolean }> {
  const { kube, namespace, signal } = environment
  const { cluster, known } = options
  for (const time of nameTimes(schedule.metadata.name, due, cluster)) {
    const backup = noted(backupFromSchedule(schedule, time), { due, cluster })
    const { name } = backup.metadata
    try {
      // Before the watch shows it: a schedule that is due each second looks again by then.
      known.made(await kube.create(Backups, backup, { namespace, signal }))
      return { name, isNew: true }
    } catch (error) {
      if (!(error instanceof KubeError) || error.problem !== 'already-exists') throw error
      const there = await kube.find(Backups, name, { namespace, signal })
      if (there !== undefined && isSame(there, backup)) return { name, isNew: false }
    }
  }
  throw new Error(
    `all names that a backup of schedule ${schedule.metadata.name} may have at ${timestamp(due)} are taken`,
  )
}

function noted(backup: Backup, { due, cluster }: { due: Date; cluster: string | undefined }): Backup {
  const annotations = {
    ...backup.metadata.annotations,
    ...(cluster === undefined ? {} : { [annotationKeys.scheduledIn]: cluster }),
    [annotationKeys.due]: timestamp(due),
  }
  return { ...backup, metadata: { ...backup.metadata, annotations } }
}

/** Of one cluster and for one time; else the name is another cluster's, or was taken by hand. */
function isSame(a: Backup, b: Backup): boolean {
  return [annotationKeys.due, annotationKeys.scheduledIn].every(
    (key) => a.metadata.annotations?.[key] === b.metadata.annotations?.[key],
  )
}

/** Wrong rules of retention keep no backup from being made: they are told, and nothing is deleted meanwhile. */
function enabled(schedule: Schedule): Verdict {
  const retention = retentionOf(schedule, [])
  const problem = 'problem' in retention ? retention.problem : undefined
  return { phase: 'Enabled', ...(problem === undefined ? {} : { validationErrors: [problem] }) }
}
