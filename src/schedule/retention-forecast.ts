import { nextTime, type Cron } from './cron.ts'
import type { RetentionRules } from './retention-rules.ts'
import { keepReasons, type Restorable } from './retention.ts'

/** When backups will go. */
export interface Forecast {
  /** By name; what is not in it is kept beyond `until`. */
  readonly goes: ReadonlyMap<string, Date>
  /** How far was looked. */
  readonly until: Date
}

/** Backups to come that are thought of: thirteen years of daily ones, seven months of hourly ones. */
const STEPS = 5000

/** When each of `backups` stops being kept if from `now` on every backup is made when it is due and completes. Pure. */
export function forecast(
  backups: readonly Restorable[],
  facts: { rules: RetentionRules; cron: Cron; now: Date },
): Forecast {
  const { rules, cron, now } = facts
  const goes = new Map<string, Date>()
  let kept = keptOf(backups, facts)
  for (const { name } of backups.filter((backup) => !kept.includes(backup))) goes.set(name, now)
  let until = now
  for (let step = 0; step < STEPS && goes.size < backups.length; step += 1) {
    const due = nextTime(cron, until)
    if (due === undefined) break
    until = due
    const after = keptOf([...kept, { name: '', takenAt: due, complete: true }], { rules, cron })
    for (const { name } of kept) if (name !== '' && !after.some((one) => one.name === name)) goes.set(name, due)
    kept = after
  }
  return { goes, until }
}

function keptOf(backups: readonly Restorable[], { rules, cron }: { rules: RetentionRules; cron: Cron }): Restorable[] {
  const reasons = keepReasons(backups, { rules, zone: cron.zone })
  return [...reasons].filter(([, found]) => found.length > 0).map(([backup]) => backup)
}
