import type { EndedRun, News } from './news.ts'

/** What is said about some news. */
export interface Message {
  /** One line. */
  readonly title: string
  /** One for each news, but no more than can be read. */
  readonly lines: readonly string[]
  /** How bad the worst of it is. */
  readonly tone: 'bad' | 'warning' | 'good'
  readonly news: readonly News[]
  readonly from: MessageSource
}

/** Who speaks. */
export interface MessageSource {
  readonly notification: string
  readonly namespace: string
  /** Empty when nobody has named it. */
  readonly cluster: string
  readonly time: Date
}

const MOST_LINES = 20
const REASON_CHARACTERS = 500

/** One message about everything in `news`, which is not empty. */
export function messageOf(news: readonly News[], from: MessageSource): Message {
  const told = news.map((one) => sentence(one, from.time))
  const [only, ...others] = told
  const title = others.length === 0 ? (only?.short ?? '') : summary(news)
  const lines = told.slice(0, MOST_LINES).map(({ long }) => long)
  if (told.length > MOST_LINES) lines.push(`and ${told.length - MOST_LINES} more`)
  return { title: from.cluster === '' ? title : `[${from.cluster}] ${title}`, lines, tone: toneOf(news), news, from }
}

/** The message as people read it. */
export function plainText({ lines }: Message): string {
  return lines.join('\n')
}

/** The message as programs read it. */
export function payload({ title, lines, news, from }: Message): object {
  const { time, ...source } = from
  return { title, text: lines.join('\n'), ...source, time: time.toISOString(), news: news.map(entry) }
}

function entry(one: News): object {
  if (one.event === 'Overdue')
    return { event: one.event, kind: 'Schedule', name: one.schedule, lastGood: one.lastGood?.toISOString() ?? null }
  const { kind, name, schedule, phase, ended, reason } = one.run
  return { event: one.event, kind, name, schedule, phase, ended: ended.toISOString(), reason }
}

function sentence(one: News, now: Date): { short: string; long: string } {
  switch (one.event) {
    case 'Failed':
    case 'PartiallyFailed': {
      const verb = one.event === 'Failed' ? 'failed' : 'ended with errors'
      const short = `${named(one.run)} ${verb}`
      return { short, long: one.run.reason === '' ? short : `${short}: ${cut(one.run.reason)}` }
    }
    case 'Recovered': {
      const short = `Schedule ${one.run.schedule} is well again`
      return { short, long: `${short}: backup ${one.run.name} completed` }
    }
    case 'Overdue': {
      const { schedule, lastGood } = one
      if (lastGood === undefined) {
        const short = `Schedule ${schedule} has no good backup`
        return { short, long: short }
      }
      const short = `No good backup of schedule ${schedule} for ${hours(now.getTime() - lastGood.getTime())}`
      return { short, long: `${short}; the last one ended ${lastGood.toISOString()}` }
    }
  }
}

function named({ kind, name, schedule }: EndedRun): string {
  return schedule === '' ? `${kind} ${name}` : `${kind} ${name} of schedule ${schedule}`
}

function cut(reason: string): string {
  const line = reason.replace(/\s+/g, ' ').trim()
  return line.length <= REASON_CHARACTERS ? line : `${line.slice(0, REASON_CHARACTERS - 1)}…`
}

function hours(millis: number): string {
  const whole = Math.floor(millis / 3_600_000)
  if (whole < 1) return `${Math.floor(millis / 60_000)} minutes`
  return whole < 72 ? `${whole} hours` : `${Math.floor(whole / 24)} days`
}

const words = { Failed: 'failed', PartiallyFailed: 'ended with errors', Recovered: 'well again', Overdue: 'overdue' }

function summary(news: readonly News[]): string {
  const counts = Object.entries(words).map(([event, word]) => [news.filter((one) => one.event === event).length, word])
  return `Backups: ${counts.flatMap(([count, word]) => (count === 0 ? [] : [`${count} ${word}`])).join(', ')}`
}

function toneOf(news: readonly News[]): Message['tone'] {
  if (news.some(({ event }) => event === 'Failed' || event === 'Overdue')) return 'bad'
  return news.some(({ event }) => event === 'PartiallyFailed') ? 'warning' : 'good'
}
