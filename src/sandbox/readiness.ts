import { setTimeout as sleep } from 'node:timers/promises'
import { SandboxError, throwIfAborted } from './error.ts'
import { lastWords, type RunningProgram } from './program.ts'

/** Longer than a cold start on a busy machine with a slow disk takes. */
const patienceMs = 120_000

/** Asks until the answer is yes. SandboxError 'process-died', 'not-ready' or 'aborted' otherwise. */
export async function awaitReady(
  question: () => Promise<boolean>,
  { what, programs, signal }: { what: string; programs: readonly RunningProgram[]; signal?: AbortSignal | undefined },
): Promise<void> {
  const death = Promise.race(programs.map(async (program) => ({ program, how: await program.ended })))
  const deadline = performance.now() + patienceMs
  while (performance.now() < deadline) {
    throwIfAborted(signal, `waiting for ${what}`)
    const dead = await Promise.race([death, question().then((yes) => (yes ? 'ready' : 'not yet'))])
    if (dead === 'ready') return
    if (dead !== 'not yet') throw new SandboxError('process-died', await lastWords(dead.program, dead.how))
    await sleep(50)
  }
  const logs = programs.map((program) => program.logPath).join(', ')
  throw new SandboxError('not-ready', `${what} was not ready after ${patienceMs / 1000} s; see ${logs}`)
}
