import { execFile } from 'node:child_process'
import { mkdir, readFile, rmdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import { status } from '@grpc/grpc-js'
import type { Storage } from './controller.ts'
import { CsiError, required } from './csi-error.ts'

const run = promisify(execFile)

/** Puts a volume where a pod finds it. */
export async function publishVolume(
  { pool, volumes }: Storage,
  request: { volumeId: string; targetPath: string; volumeCapability: object | null; readonly: boolean },
): Promise<object> {
  const id = required(request.volumeId, 'volume id')
  const target = required(request.targetPath, 'target path')
  required(request.volumeCapability, 'capability')
  if ((await volumes.find(id)) === undefined) throw new CsiError(status.NOT_FOUND, `there is no volume ${id}`)
  if (await isMounted(target)) return {}
  await mkdir(target, { recursive: true })
  await run('mount', ['--bind', pool.pathOf(id), target])
  if (request.readonly) await run('mount', ['-o', 'remount,bind,ro', target])
  return {}
}

/** Takes a volume away from there. */
export async function unpublishVolume(request: { volumeId: string; targetPath: string }): Promise<object> {
  required(request.volumeId, 'volume id')
  const target = required(request.targetPath, 'target path')
  if (await isMounted(target)) await run('umount', [target])
  await rmdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  return {}
}

async function isMounted(path: string): Promise<boolean> {
  // The fifth field is the mount point (proc_pid_mountinfo(5)).
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')
  return lines.some((line) => line.split(' ')[4] === path)
}
