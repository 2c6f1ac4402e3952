// The command line: turns words into a call of an engine room, and what comes back into text. Knows nothing about how a
// backup or a restore is made; whatever two commands share about that belongs into the engine.
import type { Writable } from 'node:stream'
import type { ClientConfig } from './client-config.ts'

/** Everything a command may know about the process it runs in. Built once, in process.ts. */
export interface CliContext {
  readonly version: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
  readonly cwd: string
  /** Of Velero's client, which this one shares. */
  readonly clientConfig: ClientConfig
  readonly stdout: Writable
  readonly stderr: Writable
  /** True where a person looks at the stream: colours and live progress are for them only. */
  readonly terminal: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean }
  /** Whether colours were asked for, or asked away; undefined leaves it to the terminal. */
  readonly colorized?: boolean | undefined
  readonly now: () => Date
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal
  /** Asks on the terminal; resolves to the line typed. */
  ask(question: string): Promise<string>
}

/** Writes one line (or several) to standard output. */
export function print(context: CliContext, text: string): void {
  context.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

/** Writes one line to standard error: what is meant for people, never for a pipe. */
export function note(context: CliContext, text: string): void {
  context.stderr.write(text.endsWith('\n') ? text : `${text}\n`)
}
