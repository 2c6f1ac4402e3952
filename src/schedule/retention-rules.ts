import { ScheduleError } from './error.ts'

/** The periods of the calendar by which backups are kept, the shortest first. Weeks begin on Monday. */
export const periods = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const
export type Period = (typeof periods)[number]

/** How many backups each rule keeps: the last so many, and one for each of the last so many periods in which there is any. */
export type RetentionRules = Readonly<Record<'last' | Period, number>>

const names = ['last', ...periods] as const
const MOST = 100_000

/** Reads `keep-last=3,hourly=24,daily=7,weekly=4,monthly=12,yearly=3`; each rule may be left out, `keep-` too. Throws ScheduleError 'invalid-retention'. */
export function parseRetention(text: string): RetentionRules {
  const rules: Partial<Record<'last' | Period, number>> = {}
  for (const part of text.split(',').map((one) => one.trim())) {
    const [, word = '', count] = /^(?:keep-)?(\w+)=(\d+)$/.exec(part) ?? []
    const name = names.find((known) => known === word)
    if (count === undefined || name === undefined) throw wrong(text, `"${part}" is no rule`)
    if (rules[name] !== undefined) throw wrong(text, `${name} is there twice`)
    if (Number(count) > MOST) throw wrong(text, `${count} is too many, ${MOST} is the most`)
    rules[name] = Number(count)
  }
  const all = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, ...rules }
  if (names.every((name) => all[name] === 0)) throw wrong(text, 'it would keep nothing')
  return all
}

function wrong(text: string, why: string): ScheduleError {
  const example = 'keep-last=3,hourly=24,daily=7,weekly=4,monthly=12,yearly=3'
  return new ScheduleError('invalid-retention', `invalid retention "${text}": ${why}; write rules like ${example}`)
}

/** The rules as `parseRetention` reads them, those that keep nothing left out. */
export function formatRetention(rules: RetentionRules): string {
  return names
    .filter((name) => rules[name] > 0)
    .map((name) => `${name === 'last' ? 'keep-last' : name}=${rules[name]}`)
    .join(',')
}
