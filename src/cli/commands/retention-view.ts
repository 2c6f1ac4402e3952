import type { Backup } from '#api/backup.ts'
import type { Schedule } from '#api/schedule.ts'
import { timestamp } from '#api/timestamp.ts'
import { parseCron } from '#schedule/cron.ts'
import { forecast, type Forecast } from '#schedule/retention-forecast.ts'
import { planAll, retentionOf, takenAt, type Retention, type Verdict } from '#schedule/retention-plan.ts'
import { formatRetention } from '#schedule/retention-rules.ts'
import type { KeepReason } from '#schedule/retention.ts'
import { phaseText } from './backup-columns.ts'

/** One backup of a schedule with what is to become of it. */
export interface RetentionRow {
  readonly backup: string
  readonly takenAt: string
  readonly phase: string
  readonly kept: boolean
  readonly why: readonly string[]
  /** When it goes: an instant, or words. */
  readonly goes: string
}

/** What becomes of the backups of one schedule, the newest first. */
export interface RetentionView {
  readonly schedule: string
  /** Null where the time to live decides alone. */
  readonly rules: string | null
  /** Whose days, weeks and months count. */
  readonly timeZone: string | null
  readonly problem?: string
  readonly backups: readonly RetentionRow[]
}

/** Says it by the code with which the server decides. `backups` are those that carry the schedule's label. */
export function retentionView(
  schedule: Schedule,
  backups: readonly Backup[],
  { cluster, now }: { cluster: string | undefined; now: Date },
): RetentionView {
  const retention = retentionOf(schedule, backups)
  const plan = planAll(backups, { schedules: [schedule], cluster, now })
  const kept = plan.flatMap(({ backup, verdict }) => (verdict.do === 'keep' ? [backup] : []))
  const expected = forecastOf(schedule, kept, { retention, now })
  const rows = plan.map(({ backup, verdict }) => ({
    backup: backup.metadata.name,
    takenAt: timestamp(takenAt(backup)),
    phase: phaseText(backup),
    kept: verdict.do !== 'remove',
    why: reasonsOf(verdict),
    goes: goesAt(backup, verdict, expected),
  }))
  return {
    schedule: schedule.metadata.name,
    rules: retention.rules === undefined ? null : formatRetention(retention.rules),
    timeZone: retention.rules === undefined ? null : retention.zone.name,
    ...('problem' in retention && retention.problem !== undefined ? { problem: retention.problem } : {}),
    backups: rows.toSorted((a, b) => (a.takenAt === b.takenAt ? 0 : a.takenAt < b.takenAt ? 1 : -1)),
  }
}

/** Undefined while no backup comes that could take the place of another. */
function forecastOf(
  { spec }: Schedule,
  kept: readonly Backup[],
  { retention, now }: { retention: Retention; now: Date },
): Forecast | undefined {
  if (retention.rules === undefined || spec.paused === true) return undefined
  const restorables = kept.map((backup) => ({
    name: backup.metadata.name,
    takenAt: takenAt(backup),
    complete: backup.status?.phase === 'Completed',
  }))
  return forecast(restorables, { rules: retention.rules, cron: parseCron(spec.schedule), now })
}

function goesAt({ metadata, status }: Backup, verdict: Verdict, expected: Forecast | undefined): string {
  switch (verdict.do) {
    case 'remove':
      return 'now'
    case 'keep': {
      if (expected === undefined) return 'not while it is paused'
      const at = expected.goes.get(metadata.name)
      return at === undefined ? `after ${timestamp(expected.until)}` : timestamp(at)
    }
    case 'wait':
      return verdict.until === 'expired' || verdict.until === 'ended' ? (status?.expiration ?? 'never') : 'never'
  }
}

function reasonsOf(verdict: Verdict): string[] {
  switch (verdict.do) {
    case 'keep':
      return verdict.reasons.map(reasonText)
    case 'remove':
      return [removals[verdict.because]]
    case 'wait':
      return [waits[verdict.until]]
  }
}

const removals = {
  'no-rule': 'no rule keeps it',
  expired: 'its time to live is over',
  deleting: 'its deletion was begun',
} as const

const waits = {
  expired: 'its time to live',
  ended: 'it is not done yet',
  'rules-valid': 'the rules cannot be read',
  'its-cluster': 'another cluster keeps it by its own rules',
} as const

function reasonText(reason: KeepReason): string {
  if ('period' in reason) return `${reason.rule} ${reason.nth}/${reason.of} (${reason.period})`
  if (reason.rule === 'last') return `last ${reason.nth}/${reason.of}`
  return reason.rule === 'newest' ? 'newest' : 'newest complete'
}
