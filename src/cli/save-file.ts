import { open, realpath, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { UserError } from './exit.ts'

/** What is there already stays until the new file is whole, and goes then; without it, the new file must not be there yet. */
export interface SaveOptions {
  readonly overwrite: boolean
  readonly signal: AbortSignal
}

/**
 * Writes all of `bytes`, or leaves what was there; resolves to how many they were. Mode 0600: archives hold Secrets. Rejects with UserError where nothing
 * can be written, else as `bytes` do, or when `signal` is aborted.
 */
export async function saveFile(bytes: AsyncIterable<Uint8Array>, path: string, options: SaveOptions): Promise<number> {
  const there = options.overwrite ? await stat(path).catch(() => undefined) : undefined
  // A device or a pipe is written to, and never taken away.
  if (there !== undefined && !there.isFile()) return await written(await opened(path, 'w'), bytes, options.signal)
  // Renaming replaces a link, not what it leads to.
  const end = there === undefined ? path : await realpath(path)
  const target = there === undefined ? path : `${end}.${randomUUID().slice(0, 8)}.part`
  const file = await opened(target, 'wx')
  try {
    const size = await written(file, bytes, options.signal)
    if (target !== end) await rename(target, end)
    return size
  } catch (error) {
    await rm(target, { force: true })
    const { syscall, message } = error as NodeJS.ErrnoException
    if (syscall === 'write') throw new UserError(`cannot write ${target}: ${message}`, { cause: error })
    throw error
  }
}

async function opened(path: string, flags: 'w' | 'wx'): Promise<FileHandle> {
  return await open(path, flags, 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST')
      throw new UserError(`${path} exists; choose another with -o or overwrite it with --force`)
    throw new UserError(`cannot write ${path}: ${error.message}`, { cause: error })
  })
}

async function written(file: FileHandle, bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<number> {
  await using _closed = file
  let size = 0
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      size += chunk.byteLength
      yield chunk
    }
  }
  await file.writeFile(counted(), { signal })
  return size
}
