import pino, { type Logger } from 'pino'
import type { LogFormat, LogLevel } from './config.ts'

/** Where log lines go. */
export interface LineSink {
  write(line: string): void
}

/** The log of the process: one line for each entry, as JSON or as logfmt, from `level` on. Both name the levels with Velero's words. */
export function serverLog({ level, format }: { level: LogLevel; format: LogFormat }, to: LineSink): Logger {
  return pino(
    {
      level: pinoLevel(level),
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label === 'warn' ? 'warning' : label }) },
    },
    format === 'json' ? to : { write: (line: string) => to.write(`${logfmt(JSON.parse(line) as object)}\n`) },
  )
}

/** Velero's words for levels in pino's. */
function pinoLevel(level: LogLevel): string {
  if (level === 'warning') return 'warn'
  return level === 'panic' ? 'fatal' : level
}

/** `time="…" level=info msg="backup started" backup=shop`: what is no plain word is quoted as in JSON, and objects and lists are JSON in quotes. */
export function logfmt(entry: object): string {
  const { time, level, msg, ...fields } = entry as Record<string, unknown>
  return Object.entries({ time, level, msg, ...fields })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${word(value)}`)
    .join(' ')
}

function word(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[\w.:/+@-]+$/.test(text) ? text : JSON.stringify(text)
}
