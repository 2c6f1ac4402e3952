import { once } from 'node:events'
import { homedir } from 'node:os'
import { createInterface } from 'node:readline/promises'
import { setFlagsFromString } from 'node:v8'
import { readClientConfig, type ClientConfig } from './client-config.ts'
import type { Command } from './command.ts'
import type { CliContext } from './context.ts'
import { INTERRUPTED } from './exit.ts'
import { runProgram } from './program.ts'

/**
 * Runs the command in `process.argv`, one of `known` (default: all there are), and ends the process with its exit code. The first Ctrl-C asks
 * the command to stop and clean up, the second ends the process.
 */
export async function runMain(version: string, known?: readonly Command[]): Promise<void> {
  keepHeapSmall()
  const stop = new AbortController()
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(INTERRUPTED)
    stop.abort()
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  // A reader that went away (`lifeboat backup get | head -1`) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
  })
  const context: CliContext = {
    version,
    env: process.env,
    home: homedir(),
    clientConfig: await clientConfig(),
    cwd: process.cwd(),
    stdout: process.stdout,
    stderr: process.stderr,
    terminal: { stdin: process.stdin.isTTY, stdout: process.stdout.isTTY, stderr: process.stderr.isTTY },
    now: () => new Date(),
    signal: stop.signal,
    ask: (question) => ask(question, stop.signal),
  }
  const exitCode = await runProgram(process.argv.slice(2), context, known)
  await Promise.all([written(process.stdout), written(process.stderr)])
  // Connections still closing (a handshake that nobody answers takes ten seconds to give up) must not hold the command up.
  process.exit(exitCode)
}

/** A configuration that cannot be read is no reason not to work, as with Velero's client. */
async function clientConfig(): Promise<ClientConfig> {
  try {
    return await readClientConfig(homedir())
  } catch (error) {
    process.stderr.write(`warning: the client configuration cannot be read: ${(error as Error).message}\n`)
    return {}
  }
}

/** Resolves when all that was written to `stream` has left this process. */
async function written(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writable) await new Promise<void>((resolve) => stream.write('', () => resolve()))
}

/** Nearly everything we allocate is a page of objects that is soon done with: V8's defaults would let that garbage double our memory (docs/decisions/0008-benchmarks.md). */
function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--heap-growing-percent=50')
}

/** The line that is typed, or piped in; empty when there is none. */
async function ask(question: string, signal: AbortSignal): Promise<string> {
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const end = once(reader, 'close', { signal }).then(() => '')
    return await Promise.race([reader.question(question, { signal }), end])
  } finally {
    reader.close()
  }
}
