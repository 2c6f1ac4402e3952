import { openGzSpool } from './gz-spool.ts'
import type { GzSpool } from './gz-spool.ts'
import { formatLogLine, type LogFields, type LogFormat, type LogLevel, type LogLine } from './log-line.ts'
import { addResult, countResults, emptyResults, resultText, type Results } from './results.ts'

/** The log of one backup or restore. Lines go to the stored `-logs.gz` and, for a backup, warnings and errors to its results. */
export interface RunLog {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warning(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

export interface RunLogOptions {
  /** Fields of every line: `{ backup: 'velero/nightly' }` or `{ restore: 'velero/nightly-1' }`. */
  readonly run: LogFields
  /** Folder for the nameless temporary file with the compressed lines. */
  readonly spoolDir: string
  readonly now: () => Date
  /** Default `text`. */
  readonly format?: LogFormat | undefined
  /** Lighter lines are dropped; default `info`. Results do not depend on it. */
  readonly level?: LogLevel | undefined
  /** Gets every line that is written, for a terminal or the server's own log. */
  readonly echo?: ((line: LogLine) => void) | undefined
}

/** A log that can be stored. */
export interface StoredRunLog extends RunLog, AsyncDisposable {
  /** Warnings and errors so far, as entries of a backup's results (spec/object-store §6). */
  results(): Results
  counts(): { warnings: number; errors: number }
  /** Ends the log: the bytes of `-logs.gz`, which may be read more than once, until dispose. Later lines are dropped. */
  close(): Promise<AsyncIterable<Uint8Array>>
}

const weights: Record<LogLevel, number> = { debug: 0, info: 1, warning: 2, error: 3 }

/** Opens a log whose lines are compressed as they come, so memory does not grow with them. */
export async function openRunLog(options: RunLogOptions): Promise<StoredRunLog> {
  return new SpooledRunLog(await openGzSpool(options.spoolDir), options)
}

class SpooledRunLog implements StoredRunLog {
  readonly #spool: GzSpool
  readonly #options: RunLogOptions
  readonly #results = emptyResults()

  constructor(spool: GzSpool, options: RunLogOptions) {
    this.#spool = spool
    this.#options = options
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#line('debug', message, fields)
  }

  info(message: string, fields: LogFields = {}): void {
    this.#line('info', message, fields)
  }

  warning(message: string, fields: LogFields = {}): void {
    addResult(this.#results.warnings, fields.namespace, resultText(message, fields))
    this.#line('warning', message, fields)
  }

  error(message: string, fields: LogFields = {}): void {
    addResult(this.#results.errors, fields.namespace, resultText(message, fields))
    this.#line('error', message, fields)
  }

  results(): Results {
    return this.#results
  }

  counts(): { warnings: number; errors: number } {
    return { warnings: countResults(this.#results.warnings), errors: countResults(this.#results.errors) }
  }

  async close(): Promise<AsyncIterable<Uint8Array>> {
    return await this.#spool.finish()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spool[Symbol.asyncDispose]()
  }

  #line(level: LogLevel, message: string, fields: LogFields): void {
    const { run, now, format = 'text', level: least = 'info', echo } = this.#options
    if (weights[level] < weights[least]) return
    const line: LogLine = { time: now(), level, message, fields: { ...fields, ...run } }
    this.#spool.write(`${formatLogLine(line, format)}\n`)
    echo?.(line)
  }
}
