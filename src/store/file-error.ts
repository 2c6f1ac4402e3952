import { stat } from 'node:fs/promises'
import { StoreError, type StoreProblem } from '#store/store.ts'

const problems: Readonly<Record<string, { problem: StoreProblem; words: string }>> = {
  EACCES: { problem: 'denied', words: 'permission denied: run as a user who may, or change its owner or mode' },
  EPERM: { problem: 'denied', words: 'not permitted: run as a user who may, or change its owner or attributes' },
  EROFS: { problem: 'denied', words: 'the file system is read-only: remount it for writing, or use another directory' },
  ENOSPC: { problem: 'full', words: 'no space left on the device: free some, or use another directory' },
  EDQUOT: { problem: 'full', words: 'the disk quota is used up: free some space, or use another directory' },
  EFBIG: { problem: 'full', words: 'the file system does not take files this large: use another directory' },
  ENOTDIR: { problem: 'invalid', words: 'a part of the path is a file and not a directory: check the path' },
  ELOOP: { problem: 'invalid', words: 'too many symbolic links: check the path' },
  ENAMETOOLONG: { problem: 'invalid', words: 'a name is too long for this file system: use a shorter one' },
  EINVAL: { problem: 'invalid', words: 'this file system does not take that name: use another one' },
  EILSEQ: { problem: 'invalid', words: 'this file system does not take that name: use another one' },
  EMFILE: { problem: 'busy', words: 'too many open files: raise the limit (ulimit -n), or try again' },
  ENFILE: { problem: 'busy', words: 'too many open files on this machine: try again' },
  EBUSY: { problem: 'busy', words: 'in use: try again' },
  EIO: { problem: 'unreachable', words: 'the device failed (input/output error): check the disk or the mount' },
  ESTALE: { problem: 'unreachable', words: 'the mount is stale: mount it again' },
  ETIMEDOUT: { problem: 'unreachable', words: 'the file server does not answer: check the mount' },
}

/** The code of a system error, such as ENOENT; undefined for any other error. */
export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** The StoreError for what a system call on `path` threw; anything but a system error comes back as it is. */
export function fileError(error: unknown, { doing, path }: { doing: string; path: string }): unknown {
  if (error instanceof StoreError) return error
  const code = errorCode(error)
  if (code === undefined || !(error instanceof Error) || !('syscall' in error)) return error
  const { problem, words } = problems[code] ?? {
    problem: 'unreachable',
    words: `${error.message}: check the directory`,
  }
  return new StoreError(problem, `cannot ${doing} ${path}: ${words}`, { cause: error })
}

/** Runs `action` and translates what its system calls throw. */
export async function withFileErrors<T>(about: { doing: string; path: string }, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    throw fileError(error, about)
  }
}

/** Throws 'no-bucket' when the store's directory is not there, 'invalid' when it is something else. */
export async function checkRoot(root: string): Promise<void> {
  await withFileErrors({ doing: 'open the store', path: root }, async () => {
    try {
      if ((await stat(root)).isDirectory()) return
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
      throw new StoreError('no-bucket', `there is no directory ${root}: create it, or check the path of the store`, {
        cause: error,
      })
    }
    throw new StoreError('invalid', `${root} is not a directory: give the path of a directory as the store`)
  })
}
