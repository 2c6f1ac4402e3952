import { periods, type Period, type RetentionRules } from './retention-rules.ts'
import type { TimeZone } from './time-zone.ts'

/** A backup that can be restored, as retention sees it. */
export interface Restorable {
  readonly name: string
  /** The moment that it shows. */
  readonly takenAt: Date
  /** Nothing in it failed. */
  readonly complete: boolean
}

/** Why a backup is kept. */
export type KeepReason =
  /** It is the `nth` of the `of` last backups, or stands for the `nth` of the `of` last periods: `2026-11-28 03`, `2026-11-28`, `2026-W48`, `2026-11`, `2026`. */
  | { readonly rule: 'last'; readonly nth: number; readonly of: number }
  | { readonly rule: Period; readonly nth: number; readonly of: number; readonly period: string }
  /** Whatever the rules say: the newest one, and the newest in which nothing failed. */
  | { readonly rule: 'newest' | 'newest-complete' }

/**
 * Says of each backup why it is kept; no reasons mean that it may go. Of a period the newest complete backup is kept, and the newest of all
 * where none is complete. Never gives up the newest complete one. Clocks in `zone` divide the time. Pure; the order does not matter.
 */
export function keepReasons<T extends Restorable>(
  backups: readonly T[],
  { rules, zone }: { rules: RetentionRules; zone: TimeZone },
): Map<T, readonly KeepReason[]> {
  const sorted = backups.toSorted(newestFirst)
  const reasons = new Map<T, KeepReason[]>(sorted.map((backup) => [backup, []]))
  const keep = (backup: T | undefined, reason: KeepReason): void => void (backup && reasons.get(backup)?.push(reason))
  for (const [index, backup] of sorted.slice(0, rules.last).entries()) {
    keep(backup, { rule: 'last', nth: index + 1, of: rules.last })
  }
  for (const rule of periods) {
    if (rules[rule] === 0) continue
    const byPeriod = Map.groupBy(sorted, ({ takenAt }) => periodOf(rule, new Date(zone.wallAt(takenAt.getTime()))))
    for (const [index, [period, found]] of [...byPeriod].slice(0, rules[rule]).entries()) {
      keep(bestOf(found), { rule, nth: index + 1, of: rules[rule], period })
    }
  }
  keep(sorted[0], { rule: 'newest' })
  keep(
    sorted.find(({ complete }) => complete),
    { rule: 'newest-complete' },
  )
  return reasons
}

/** Newest first, by name where two are of one moment. */
export function newestFirst(a: Restorable, b: Restorable): number {
  return b.takenAt.getTime() - a.takenAt.getTime() || (a.name < b.name ? -1 : 1)
}

function bestOf<T extends Restorable>(newestFirst: readonly T[]): T | undefined {
  return newestFirst.find(({ complete }) => complete) ?? newestFirst[0]
}

const DAY_MS = 24 * 3600 * 1000

/** The name of the period in which a clock shows `wall`. */
function periodOf(rule: Period, wall: Date): string {
  const iso = wall.toISOString()
  switch (rule) {
    case 'hourly':
      return iso.slice(0, 13).replace('T', ' ')
    case 'daily':
      return iso.slice(0, 10)
    case 'weekly':
      return weekOf(wall)
    case 'monthly':
      return iso.slice(0, 7)
    case 'yearly':
      return iso.slice(0, 4)
  }
}

/** ISO 8601: a week belongs to the year in which its Thursday lies. */
function weekOf(wall: Date): string {
  const weekday = (wall.getUTCDay() + 6) % 7
  const thursday = new Date(wall.getTime() + (3 - weekday) * DAY_MS)
  const year = thursday.getUTCFullYear()
  const week = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * DAY_MS)) + 1
  return `${year}-W${String(week).padStart(2, '0')}`
}
