import { ScheduleError } from './error.ts'

/** The five fields of a cron expression, each as the sorted values it names. */
export interface CronFields {
  readonly minutes: readonly number[]
  readonly hours: readonly number[]
  readonly months: readonly number[]
  readonly daysOfMonth: readonly number[]
  /** 0 is Sunday. */
  readonly daysOfWeek: readonly number[]
  /** Both day fields name days: then one of them is enough, otherwise both must fit. */
  readonly eitherDay: boolean
}

interface FieldRule {
  readonly name: string
  readonly least: number
  readonly most: number
  /** The words for its values, from `least` on. */
  readonly words?: readonly string[]
}

const rules = {
  minutes: { name: 'minute', least: 0, most: 59 },
  hours: { name: 'hour', least: 0, most: 23 },
  daysOfMonth: { name: 'day of month', least: 1, most: 31 },
  months: {
    name: 'month',
    least: 1,
    most: 12,
    words: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  },
  daysOfWeek: {
    name: 'day of week',
    least: 0,
    most: 6,
    words: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
  },
} as const satisfies Record<string, FieldRule>

/**
 * Reads `minute hour day-of-month month day-of-week` as Velero does (spec/server.md §6): lists, ranges, steps, names of months and days, and
 * `?` for `*`. Throws ScheduleError 'invalid-cron'.
 */
export function parseFields(text: string): CronFields {
  const parts = text.split(/\s+/).filter((part) => part !== '')
  const [minute, hour, dayOfMonth, month, dayOfWeek, ...more] = parts
  if (
    minute === undefined ||
    hour === undefined ||
    dayOfMonth === undefined ||
    month === undefined ||
    dayOfWeek === undefined ||
    more.length > 0
  ) {
    throw new ScheduleError(
      'invalid-cron',
      `"${text}" has ${parts.length} fields, but five are needed: minute hour day-of-month month day-of-week`,
    )
  }
  return {
    minutes: valuesOf(minute, rules.minutes),
    hours: valuesOf(hour, rules.hours),
    daysOfMonth: valuesOf(dayOfMonth, rules.daysOfMonth),
    months: valuesOf(month, rules.months),
    daysOfWeek: valuesOf(dayOfWeek, rules.daysOfWeek),
    eitherDay: !namesEveryDay(dayOfMonth) && !namesEveryDay(dayOfWeek),
  }
}

/** Whether a day field leaves the choice to the other one: a star with a step does not. */
function namesEveryDay(field: string): boolean {
  return field.split(',').some((part) => /^[*?](\/0*1)?$/.test(part))
}

function valuesOf(field: string, rule: FieldRule): number[] {
  const values = new Set<number>()
  for (const part of field.split(',')) {
    const { from, to, step } = rangeOf(part, rule)
    for (let value = from; value <= to; value += step) values.add(value)
  }
  return [...values].toSorted((a, b) => a - b)
}

/** `*`, `a`, `a-b`, each with `/step`; `a/step` goes on to the end of the field. */
function rangeOf(part: string, rule: FieldRule): { from: number; to: number; step: number } {
  const found = /^(?:([*?])|(\w+)(?:-(\w+))?)(?:\/(\d+))?$/.exec(part)
  if (found === null) throw wrong(part, rule, 'write a number, a range a-b, *, or one of these with /step')
  const [, star, first, last, everyText] = found
  const step = Number(everyText ?? 1)
  if (step === 0) throw wrong(part, rule, 'a step is at least 1')
  if (star !== undefined || first === undefined) return { from: rule.least, to: rule.most, step }
  const from = valueOf(first, part, rule)
  const single = everyText === undefined ? from : rule.most
  const to = last === undefined ? single : valueOf(last, part, rule)
  if (from > to) throw wrong(part, rule, `${first} comes after ${last}`)
  return { from, to, step }
}

function valueOf(word: string, part: string, rule: FieldRule): number {
  const { least, most, words = [] } = rule
  const index = words.indexOf(word.toLowerCase())
  if (index !== -1) return least + index
  const value = /^\d+$/.test(word) ? Number(word) : Number.NaN
  if (value >= least && value <= most) return value
  const named = words.length === 0 ? '' : `, or ${words[0]} to ${words.at(-1)}`
  throw wrong(part, rule, `it goes from ${least} to ${most}${named}`)
}

function wrong(part: string, { name }: FieldRule, why: string): ScheduleError {
  return new ScheduleError('invalid-cron', `"${part}" is no ${name}: ${why}`)
}
