import { spawn, type ChildProcess } from 'node:child_process'
import { open, readFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { SandboxError } from './error.ts'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'

// The program becomes the leader of its own process group, beside a guard that reads a pipe whose other end only the starter
// holds. A line says the program may outlive the starter; the end of the pipe, which even SIGKILL of the starter causes, ends the
// whole group. As long as the guard is in the group, the kernel gives the group's number to nobody else.
const guarded = `group=$$
exec 3<&0 </dev/null
(read -r word <&3 || kill -KILL -"$group") >/dev/null 2>&1 &
exec 3<&-
exec "$@"`

/** The command that runs `path` with `args` as the leader of a guarded group. Spawn it detached and hold the other end of its input. */
export function guardedCommand(path: string, args: readonly string[]): [file: string, args: string[]] {
  return ['/bin/sh', ['-c', guarded, 'sh', path, ...args]]
}

export interface ProgramOptions {
  /** What messages call it. */
  name: string
  path: string
  args: readonly string[]
  /** Both outputs are appended here. */
  logPath: string
  env?: Readonly<Record<string, string | undefined>> | undefined
  cwd?: string | undefined
}

/** A program under way, in its own process group. */
export interface RunningProgram {
  readonly name: string
  readonly identity: ProcessIdentity
  readonly logPath: string
  /** Settles when the program has ended, with words such as `exit code 1`. */
  readonly ended: Promise<string>
  /** From now on the program lives on when this process ends. */
  release(): Promise<void>
  /** Ends the program and everything in its group at once; returns when it is gone. */
  kill(): Promise<void>
}

/** Starts a program that ends with this process, whatever ends this process, unless `release` is called. */
export async function startProgram(options: ProgramOptions): Promise<RunningProgram> {
  const log = await open(options.logPath, 'a', 0o600)
  try {
    const child = spawn(...guardedCommand(options.path, options.args), {
      stdio: ['pipe', log.fd, log.fd],
      detached: true,
      cwd: options.cwd,
      env: options.env ?? {},
    })
    const ended = ending(child)
    // A closed pipe is how the guard learns; that the program closed it first is no news.
    child.stdin?.on('error', () => undefined)
    // A program that its starter forgot must not keep the starter alive: it ends with it.
    child.unref()
    if (child.stdin instanceof Socket) child.stdin.unref()
    if (child.pid === undefined) throw new SandboxError('process-died', `${options.name}: ${await ended}`)
    const identity = await identify(child.pid)
    if (identity === undefined) throw new SandboxError('process-died', await lastWords(options, await ended))
    return {
      name: options.name,
      logPath: options.logPath,
      identity,
      ended,
      release: () => release(child),
      kill: async () => {
        await killGroup(identity)
        child.stdin?.destroy()
      },
    }
  } finally {
    await log.close()
  }
}

/** Ends the process group that `identity` leads, if that very process still runs; false when it does not. */
export async function killGroup(identity: ProcessIdentity): Promise<boolean> {
  if (!(await isAlive(identity))) return false
  try {
    process.kill(-identity.pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
  while (await isAlive(identity)) await sleep(20)
  return true
}

/** How a program ended, with the last lines of its log and where the log is. */
export async function lastWords(program: { name: string; logPath: string }, how: string): Promise<string> {
  const lines = (await readFile(program.logPath, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-5)
  const quoted = lines.filter((line) => line !== '').map((line) => `\n  ${line.slice(0, 500)}`)
  return `${program.name} ended with ${how}; its log (${program.logPath}) ends:${quoted.join('') || ' (nothing)'}`
}

function release({ stdin }: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (stdin === null || !stdin.writable) return resolve()
    stdin.end('released\n', () => resolve())
  })
}

function ending(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`))
  })
}
