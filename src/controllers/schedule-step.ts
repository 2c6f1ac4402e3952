import { createHash } from 'node:crypto'
import { labelValue } from '#api/labels.ts'
import type { Schedule } from '#api/schedule.ts'
import { latestTime, nextTime, parseCron, type Cron } from '#schedule/cron.ts'
import { ScheduleError } from '#schedule/error.ts'
import type { BackupExtract } from './backup-ledger.ts'

/** What a Schedule needs from us now. */
export type ScheduleStep =
  | { readonly do: 'refuse'; readonly problems: readonly string[] }
  /** Paused: nothing until somebody changes it. */
  | { readonly do: 'rest' }
  /** What is due now, if anything, is left out, as was asked for. */
  | { readonly do: 'skip' }
  | { readonly do: 'wait'; readonly until: Date }
  /** The backup that was due last; those missed before it are not made up for. */
  | { readonly do: 'start'; readonly due: Date }

/** A time this far ahead of our clock may come from another server's clock; what lies further ahead was written by one that was wrong. */
const TRUSTED_LEAD_MS = 5 * 60_000

/** `-` and the time, as the names of scheduled backups end. */
const STAMP_LENGTH = 15
const LONGEST_NAME = 253

/** Decides by the clock alone (spec/server.md §6): whether one of the schedule's backups is still running is asked when one is due. Pure. */
export function scheduleStep(schedule: Schedule, facts: { now: Date; skipByDefault: boolean }): ScheduleStep {
  const { metadata, spec } = schedule
  if (metadata.name.length + STAMP_LENGTH > LONGEST_NAME) {
    const most = LONGEST_NAME - STAMP_LENGTH
    return {
      do: 'refuse',
      problems: [`the name has ${metadata.name.length} characters: ${most} leave room for the time`],
    }
  }
  const cron = readCron(spec.schedule)
  if ('problem' in cron) return { do: 'refuse', problems: [cron.problem] }
  if (spec.paused === true) return { do: 'rest' }
  if (spec.skipImmediately ?? facts.skipByDefault) return { do: 'skip' }
  const after = baseTime(schedule, facts.now)
  const due = latestTime(cron, { after, until: facts.now })
  if (due !== undefined) return { do: 'start', due }
  // A cron that is never due again is refused when it is read; the calendar has an end only for the type.
  return { do: 'wait', until: nextTime(cron, after) ?? new Date(8.64e15) }
}

function readCron(text: string): Cron | { problem: string } {
  try {
    return parseCron(text)
  } catch (error) {
    if (error instanceof ScheduleError) return { problem: `invalid schedule: ${error.message}` }
    throw error
  }
}

/** Backups due up to here are done, were left out, or came before the schedule. */
function baseTime({ metadata, status }: Schedule, now: Date): Date {
  const trusted = now.getTime() + TRUSTED_LEAD_MS
  const dealtWith = [status?.lastBackup, status?.lastSkipped]
    .map((text) => (typeof text === 'string' ? Date.parse(text) : 0))
    .filter((time) => time <= trusted)
  const made = metadata.creationTimestamp === undefined ? now.getTime() : Date.parse(metadata.creationTimestamp)
  return new Date(Math.max(made, ...dealtWith))
}

const unfinished: ReadonlySet<string> = new Set(['New', 'Queued', 'ReadyToStart', 'InProgress'])

/** The backup among those of a schedule that the next one has to wait for. Those that wait their turn count: without that they would pile up. */
export function runningBackup(schedule: string, backups: readonly BackupExtract[]): BackupExtract | undefined {
  const label = labelValue(schedule)
  return backups.find(
    (backup) => backup.schedule === label && !backup.isBeingDeleted && unfinished.has(backup.phase ?? 'New'),
  )
}

const MINUTE_MS = 60_000

/**
 * The times that the name of a backup may hold, in the order in which they are tried: in the minute in which it was due, beginning with a second
 * that depends on the cluster. Clusters that share a bucket and have schedules alike would otherwise give the same name at the same moment.
 */
export function nameTimes(schedule: string, due: Date, cluster: string | undefined): Date[] {
  const minute = Math.floor(due.getTime() / MINUTE_MS) * MINUTE_MS
  const hash = createHash('sha256').update(`${cluster} ${schedule} ${minute}`).digest()
  const first = cluster === undefined ? due.getUTCSeconds() : hash.readUInt32BE() % 60
  return Array.from({ length: 60 }, (_, i) => new Date(minute + ((first + i) % 60) * 1000))
}
