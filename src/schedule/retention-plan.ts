import type { Backup } from '#api/backup.ts'
import { annotationKeys, labelKeys, labelValue } from '#api/labels.ts'
import type { Schedule } from '#api/schedule.ts'
import { parseCron } from './cron.ts'
import { ScheduleError } from './error.ts'
import { parseRetention, type RetentionRules } from './retention-rules.ts'
import { keepReasons, type KeepReason, type Restorable } from './retention.ts'
import { utc, type TimeZone } from './time-zone.ts'

/** What is to become of a backup now. */
export type Verdict =
  | { readonly do: 'keep'; readonly reasons: readonly KeepReason[] }
  /** No rule keeps it, its time to live is over, or its deletion was begun and not ended. */
  | { readonly do: 'remove'; readonly because: 'no-rule' | 'expired' | 'deleting' }
  /** It stays until its time to live is over, until it has ended, until somebody mends the rules, or as long as the cluster that made it keeps it. */
  | { readonly do: 'wait'; readonly until: 'expired' | 'ended' | 'rules-valid' | 'its-cluster' }

/** A verdict and what it is about. */
export interface PlannedBackup {
  readonly backup: Backup
  readonly verdict: Verdict
}

/** The rules for the backups of one schedule; without rules the time to live decides alone. */
export type Retention =
  | { readonly rules: RetentionRules; readonly zone: TimeZone }
  | { readonly rules: undefined; readonly problem?: string }

/**
 * The rules that hold for `backups`, all of one schedule: those of the schedule; where it is gone, those that the newest backup took over from
 * it, so that deleting a schedule deletes no history.
 */
export function retentionOf(schedule: Schedule | undefined, backups: readonly Backup[]): Retention {
  const newest = backups.toSorted((a, b) => takenAt(b).getTime() - takenAt(a).getTime())[0]
  const text = (schedule ?? newest)?.metadata.annotations?.[annotationKeys.retention]
  if (text === undefined) return { rules: undefined }
  try {
    return { rules: parseRetention(text), zone: zoneOf(schedule) }
  } catch (error) {
    if (error instanceof ScheduleError) return { rules: undefined, problem: error.message }
    throw error
  }
}

/** Days and weeks are those of the schedule's time zone. */
function zoneOf(schedule: Schedule | undefined): TimeZone {
  try {
    return schedule === undefined ? utc : parseCron(schedule.spec.schedule).zone
  } catch (error) {
    if (error instanceof ScheduleError) return utc
    throw error
  }
}

/** What is to become of the backups of one schedule. Rules that cannot be read keep everything. Pure. */
export function planRetention(backups: readonly Backup[], facts: { retention: Retention; now: Date }): PlannedBackup[] {
  const { retention, now } = facts
  if (retention.rules === undefined) {
    const spared = retention.problem !== undefined
    return backups.map((backup) => ({
      backup,
      verdict: spared ? { do: 'wait', until: 'rules-valid' } : expiryOf(backup, now),
    }))
  }
  const judged = keepReasons(
    backups.flatMap((backup) => restorable(backup, now)),
    retention,
  )
  const reasonsOf = new Map([...judged].map(([{ backup }, reasons]) => [backup, reasons]))
  return backups.map((backup) => ({ backup, verdict: verdictOf(backup, { reasons: reasonsOf.get(backup), now }) }))
}

function verdictOf(
  backup: Backup,
  { reasons, now }: { reasons: readonly KeepReason[] | undefined; now: Date },
): Verdict {
  if (reasons === undefined) return expiryOf(backup, now)
  return reasons.length > 0 ? { do: 'keep', reasons } : { do: 'remove', because: 'no-rule' }
}

/** What rules can judge. What failed has no files and is left to its time to live, and so is what a wrong clock put into the future. */
function restorable(backup: Backup, now: Date): (Restorable & { backup: Backup })[] {
  const { metadata, status } = backup
  const taken = takenAt(backup)
  if (status?.phase !== 'Completed' && status?.phase !== 'PartiallyFailed') return []
  if (taken > now || metadata.deletionTimestamp !== undefined) return []
  return [{ name: metadata.name, takenAt: taken, complete: status.phase === 'Completed', backup }]
}

/** The moment a backup shows. */
export function takenAt({ metadata, status }: Backup): Date {
  return new Date(status?.startTimestamp ?? metadata.creationTimestamp ?? 0)
}

const ended: ReadonlySet<string> = new Set(['Completed', 'PartiallyFailed', 'Failed', 'FailedValidation'])

/** What the time to live alone makes of a backup (spec/server.md §8). */
function expiryOf({ status }: Backup, now: Date): Verdict {
  if (status?.phase === 'Deleting') return { do: 'remove', because: 'deleting' }
  if (typeof status?.expiration === 'string' && Date.parse(status.expiration) <= now.getTime())
    return { do: 'remove', because: 'expired' }
  return { do: 'wait', until: ended.has(status?.phase ?? 'New') ? 'expired' : 'ended' }
}

/**
 * What is to become of all backups of a namespace in `cluster`. Rules judge only what a schedule made here by the clock: a backup that another
 * cluster keeps by rules is left to it, and one that was asked for by hand, or that Velero made, lives as long as its time to live. Pure.
 */
export function planAll(
  backups: readonly Backup[],
  facts: { schedules: readonly Schedule[]; cluster: string | undefined; now: Date },
): PlannedBackup[] {
  const { schedules, cluster, now } = facts
  const byLabel = new Map(schedules.map((schedule) => [labelValue(schedule.metadata.name), schedule]))
  return [...Map.groupBy(backups, (backup) => scheduledHere(backup, cluster))].flatMap(([label, group]) => {
    if (label !== undefined) return planRetention(group, { retention: retentionOf(byLabel.get(label), group), now })
    return group.map((backup) => ({
      backup,
      verdict: isKeptElsewhere(backup, cluster) ? { do: 'wait', until: 'its-cluster' } : expiryOf(backup, now),
    }))
  })
}

/** The label of the schedule that made a backup by the clock in `cluster`; undefined for any other backup. */
export function scheduledHere({ metadata }: Backup, cluster: string | undefined): string | undefined {
  const made = metadata.annotations?.[annotationKeys.scheduledIn]
  return made !== undefined && made === cluster ? metadata.labels?.[labelKeys.scheduleName] : undefined
}

function isKeptElsewhere({ metadata: { annotations = {} } }: Backup, cluster: string | undefined): boolean {
  const made = annotations[annotationKeys.scheduledIn]
  return made !== undefined && made !== cluster && annotations[annotationKeys.retention] !== undefined
}
