// One line of a run's log: what it says and how it is written.
import { timestamp } from '#api/timestamp.ts'

/** Weight of a line, lightest first. */
export type LogLevel = 'debug' | 'info' | 'warning' | 'error'

/** Fields of one line. `namespace` ('' = cluster-scoped), `resource`, `name` and `error` decide the entry of the results file. */
export interface LogFields {
  namespace?: string | undefined
  resource?: string | undefined
  name?: string | undefined
  error?: string | undefined
  [field: string]: string | number | boolean | undefined
}

/** How lines look; `text` is what Velero writes by default. */
export type LogFormat = 'text' | 'json'

/** One line before it is written. `fields` holds the run's own field too. */
export interface LogLine {
  readonly time: Date
  readonly level: LogLevel
  readonly message: string
  readonly fields: LogFields
}

/** One line without its newline: logfmt with the fields sorted, or one JSON object (spec/object-store §5). */
export function formatLogLine({ time, level, message, fields }: LogLine, format: LogFormat): string {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  const sorted = given.toSorted(([a], [b]) => (a < b ? -1 : 1))
  // Whole seconds, as Velero writes them.
  const stamp = timestamp(time)
  if (format === 'json') return JSON.stringify({ ...Object.fromEntries(sorted), level, msg: message, time: stamp })
  const head = `time="${stamp}" level=${level} msg=${JSON.stringify(message)}`
  return [head, ...sorted.map(([key, value]) => `${key}=${logfmtValue(String(value))}`)].join(' ')
}

function logfmtValue(value: string): string {
  return /^[\w.\-/@^+]*$/.test(value) ? value : JSON.stringify(value)
}
