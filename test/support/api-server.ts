import { spawn } from 'node:child_process'
import { readFile, readlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { isFree } from '#sandbox/free-port.ts'

/**
 * Kills the API server with this process id, as a crash of its machine would, and starts it again with the same command line; it
 * answers some seconds later. What was started ends when disposed.
 */
export async function restartApiServer(pid: number): Promise<AsyncDisposable> {
  const [path = '', ...args] = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').slice(0, -1)
  const cwd = await readlink(`/proc/${pid}/cwd`)
  const port = Number(args.find((arg) => arg.startsWith('--secure-port='))?.split('=')[1])
  process.kill(pid, 'SIGKILL')
  while (!(await isFree(port))) await sleep(20)
  const child = spawn(path, args, { cwd, stdio: 'ignore', env: {} })
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      while (child.exitCode === null && child.signalCode === null) await sleep(50)
    },
  }
}
