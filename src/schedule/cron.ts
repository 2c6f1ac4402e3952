import { parseDuration } from '#api/duration.ts'
import { parseFields, type CronFields } from './cron-fields.ts'
import { ScheduleError } from './error.ts'
import { openTimeZone, utc, type TimeZone } from './time-zone.ts'

/** When something is due: at times of the calendar, or again and again after a while. */
export type Cron =
  | { readonly kind: 'calendar'; readonly fields: CronFields; readonly zone: TimeZone }
  | { readonly kind: 'every'; readonly millis: number; readonly zone: TimeZone }

const descriptors: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const EVERY = '@every '

/**
 * Reads what Velero reads as `spec.schedule` (spec/server.md §6): five fields, `@daily` and its like, or `@every 6h`, after an optional `CRON_TZ=Zone`
 * or `TZ=Zone`; UTC without. Throws ScheduleError 'invalid-cron', also for a date that never comes.
 */
export function parseCron(text: string): Cron {
  const [, zoneName, rest = ''] = /^(?:(?:CRON_)?TZ=(\S*))?(.*)$/s.exec(text) ?? []
  const zone = zoneName === undefined ? utc : openTimeZone(zoneName)
  if (zone === undefined) {
    throw new ScheduleError('invalid-cron', `"${zoneName}" is no time zone: write its IANA name, such as Europe/Berlin`)
  }
  const expression = zoneName === undefined ? rest : rest.trim()
  if (expression.startsWith(EVERY)) return { kind: 'every', millis: periodOf(expression.slice(EVERY.length)), zone }
  const cron: Cron = { kind: 'calendar', fields: parseFields(fieldsOf(expression)), zone }
  if (nextTime(cron, new Date(0)) === undefined) {
    throw new ScheduleError('invalid-cron', `"${expression}" never comes: no such month has such a day`)
  }
  return cron
}

function fieldsOf(expression: string): string {
  if (!expression.startsWith('@')) return expression
  const fields = Object.hasOwn(descriptors, expression) ? descriptors[expression] : undefined
  if (fields !== undefined) return fields
  const known = [...Object.keys(descriptors), '@every DURATION'].join(', ')
  throw new ScheduleError('invalid-cron', `"${expression}" is not known: use five fields or one of ${known}`)
}

/** Whole seconds, at least one. */
function periodOf(duration: string): number {
  try {
    return Math.max(1, Math.floor(parseDuration(duration) / 1000)) * 1000
  } catch (error) {
    throw new ScheduleError('invalid-cron', `"@every ${duration}": write the duration like 90m, 6h or 24h`, {
      cause: error,
    })
  }
}

/** The first time after `after` at which `cron` is due; undefined when it never is. */
export function nextTime(cron: Cron, after: Date): Date | undefined {
  if (cron.kind === 'every') return new Date(Math.floor(after.getTime() / 1000) * 1000 + cron.millis)
  const earliest = after.getTime()
  let next = Number.POSITIVE_INFINITY
  for (const wall of wallTimes(cron.fields, startOf(cron.zone, earliest))) {
    const instants = dueInstants(wall, cron)
    for (const instant of instants) if (instant > earliest) next = Math.min(next, instant)
    // Later wall times cannot come before the first time this one is shown.
    if ((instants[0] ?? earliest) > earliest) break
  }
  return Number.isFinite(next) ? new Date(next) : undefined
}

/** The last time after `after` and not after `until` at which `cron` was due; undefined when it was not due meanwhile. */
export function latestTime(cron: Cron, { after, until }: { after: Date; until: Date }): Date | undefined {
  const first = nextTime(cron, after)
  if (first === undefined || first > until) return undefined
  if (cron.kind === 'every') {
    const times = Math.floor((until.getTime() - first.getTime()) / cron.millis)
    return new Date(first.getTime() + times * cron.millis)
  }
  // After `low` it is due once more, after `high` it is not: they close in on the last time, as there is a minute at least between two.
  let latest = first
  let [low, high] = [after.getTime(), until.getTime()]
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2)
    const next = nextTime(cron, new Date(middle))
    if (next !== undefined && next <= until) {
      latest = next
      low = middle
    } else {
      high = middle
    }
  }
  return latest
}

/** Wall times at which a calendar is due, in order, from `from` on; the leap day of a century without one is eight years off. */
function* wallTimes(fields: CronFields, from: number): Generator<number> {
  const today = Math.floor(from / DAY_MS) * DAY_MS
  for (let day = today; day < today + 9 * 366 * DAY_MS; day += DAY_MS) {
    if (!isDueOn(fields, new Date(day))) continue
    for (const hour of fields.hours) {
      for (const minute of fields.minutes) {
        const wall = day + hour * HOUR_MS + minute * MINUTE_MS
        if (wall >= from) yield wall
      }
    }
  }
}

function isDueOn(fields: CronFields, day: Date): boolean {
  if (!fields.months.includes(day.getUTCMonth() + 1)) return false
  const byMonth = fields.daysOfMonth.includes(day.getUTCDate())
  const byWeek = fields.daysOfWeek.includes(day.getUTCDay())
  return fields.eitherDay ? byMonth || byWeek : byMonth && byWeek
}

/**
 * When something due at `wall` happens. What is due each hour follows the time that passes; anything else happens once, whatever the clocks
 * do: the first time they show it, or as soon as they were put forward over it.
 */
function dueInstants(wall: number, { fields, zone }: Cron & { kind: 'calendar' }): readonly number[] {
  const instants = zone.instantsOf(wall)
  if (fields.hours.length === 24) return instants
  return instants.length === 0 ? [zone.endOfGap(wall)] : instants.slice(0, 1)
}

const LONGEST_OVERLAP_MS = 3 * HOUR_MS

/** The wall time to begin with: earlier than the present one when clocks will soon show it again. */
function startOf(zone: TimeZone, instant: number): number {
  const wall = zone.wallAt(instant)
  const isPutBack = zone.wallAt(instant + LONGEST_OVERLAP_MS) < wall + LONGEST_OVERLAP_MS
  return isPutBack ? wall - LONGEST_OVERLAP_MS : wall
}
