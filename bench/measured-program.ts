import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { lastWords, startProgram, type RunningProgram } from '#sandbox/program.ts'
import type { ProcessUsage } from './process-usage.ts'

/** A Node program to be run to its end. */
export interface NodeProgram {
  /** What messages and files call it; one of a kind in `directory`. */
  name: string
  /** Absolute path. */
  script: string
  args: readonly string[]
  env: Readonly<Record<string, string | undefined>>
  /** Where its output and its usage are written. */
  directory: string
  /** Folder for a CPU profile. */
  profile?: string | undefined
  signal: AbortSignal
}

/** How a program ran, as a whole process: from its start to its end. */
export interface MeasuredProgram extends ProcessUsage {
  seconds: number
  /** Everything it wrote to its two outputs. */
  output: string
}

/** Runs a program in a process of its own. Rejects when it ends with anything but exit code 0, with the end of its output. */
export async function runMeasured(program: NodeProgram): Promise<MeasuredProgram> {
  const { name, directory, env } = program
  const usagePath = join(directory, `${name}.usage.json`)
  const began = performance.now()
  const running = await startNode({ ...program, env: { ...env, LIFEBOAT_BENCH_USAGE: usagePath } })
  const how = await untilEnded(running, program.signal)
  const seconds = (performance.now() - began) / 1000
  if (how !== 'exit code 0') throw new Error(await lastWords(running, how))
  const usage = JSON.parse(await readFile(usagePath, 'utf8')) as ProcessUsage
  return { ...usage, seconds, output: await readFile(running.logPath, 'utf8') }
}

/** Starts a Node program that ends with this process at the latest. */
export async function startNode(program: NodeProgram): Promise<RunningProgram> {
  const { name, script, args, env, directory, profile } = program
  const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
  return await startProgram({
    name,
    path: process.execPath,
    args: [...profiling, '--import', inRepository('bench/usage-report.mjs'), script, ...args],
    logPath: join(directory, `${name}.log`),
    cwd: directory,
    env,
  })
}

/** How the program ended; it is killed when `signal` fires, and this rejects with the signal's reason. */
export async function untilEnded(program: RunningProgram, signal: AbortSignal): Promise<string> {
  // A program started here does not keep this process alive, so something else has to.
  const alive = setInterval(() => undefined, 60_000)
  const kill = (): void => void program.kill()
  signal.addEventListener('abort', kill, { once: true })
  try {
    if (signal.aborted) kill()
    const how = await program.ended
    signal.throwIfAborted()
    return how
  } finally {
    signal.removeEventListener('abort', kill)
    clearInterval(alive)
  }
}

/** The absolute path of a file of this repository. */
export function inRepository(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url))
}
