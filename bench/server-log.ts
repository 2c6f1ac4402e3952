import { setTimeout as sleep } from 'node:timers/promises'
import type { BackupServer } from './backup-server.ts'

/** A line of a server's log. */
export interface LogLine {
  readonly msg: string
  /** Seconds, of lines that tell how long something took. */
  readonly seconds?: number
}

/** The lines of one sentence that the server has logged so far. */
export async function linesSaying(server: BackupServer, sentence: string): Promise<LogLine[]> {
  return (await server.output())
    .split('\n')
    .filter((line) => line.startsWith('{') && line.includes(sentence))
    .map((line) => JSON.parse(line) as LogLine)
}

/** Waits until the server has logged a sentence so many times; gives those lines. Rejects after `minutes`. */
export async function untilSaid(
  server: BackupServer,
  { sentence, times, minutes, signal }: { sentence: string; times: number; minutes: number; signal: AbortSignal },
): Promise<LogLine[]> {
  const deadline = performance.now() + minutes * 60_000
  for (;;) {
    const lines = await linesSaying(server, sentence)
    if (lines.length >= times) return lines
    if (performance.now() > deadline) throw new Error(`the server has not said "${sentence}" in ${minutes} minutes`)
    await sleep(100, undefined, { signal })
  }
}
