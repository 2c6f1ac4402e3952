import { mkdir, open, rmdir, stat, unlink, type FileHandle } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bodyChunks } from '#store/body.ts'
import { checkRoot, errorCode, fileError, withFileErrors } from '#store/file-error.ts'
import { publish, takenError } from '#store/file-publish.ts'
import { removeLeftovers, tempFile } from '#store/file-temp.ts'
import { folderNames, walk } from '#store/file-walk.ts'
import { checkKey, checkPrefix } from '#store/key.ts'
import { checkRange, clampRange } from '#store/range.ts'
import { StoreError, type ByteRange, type Bytes, type ObjectStore } from '#store/store.ts'

/**
 * The store in a directory: one file per object, readable by its owner only. Files appear under their name whole and synced, and
 * never replace another. The first `put` or `check({ write: true })` makes the directory when its parent exists; it cannot pre-sign.
 */
export function fileStore(directory: string, { now = () => new Date() }: { now?: () => Date } = {}): ObjectStore {
  const root = resolve(directory)
  let leftoversRemoved: Promise<void> | undefined

  async function prepare(): Promise<void> {
    await makeRoot(root)
    await (leftoversRemoved ??= removeLeftovers(root, now()))
  }

  return {
    url: pathToFileURL(root).href,
    async put(key, body, { signal } = {}) {
      const path = keyPath(root, key)
      signal?.throwIfAborted()
      await prepare()
      return write(root, { path, body, signal })
    },
    async get(key, { range, signal } = {}) {
      const path = keyPath(root, key)
      checkRange(range, key)
      signal?.throwIfAborted()
      return read(root, { key, path, range, signal })
    },
    async head(key) {
      const path = keyPath(root, key)
      const found = await whenPresent(root, { doing: 'read', path }, () => stat(path))
      return found?.isFile() === true ? { key, size: found.size, modified: found.mtime } : undefined
    },
    async *list(prefix) {
      checkPrefix(prefix)
      await checkRoot(root)
      yield* walk(join(root, prefix), prefix)
    },
    async *folders(prefix) {
      checkPrefix(prefix)
      await checkRoot(root)
      yield* folderNames(join(root, prefix))
    },
    async delete(key) {
      const path = keyPath(root, key)
      await whenPresent(root, { doing: 'delete', path }, () => unlink(path))
      await removeEmptyFolders(dirname(path), root)
    },
    async presignGet(key) {
      keyPath(root, key)
      return undefined
    },
    async check({ write }) {
      if (write) {
        await prepare()
        await withFileErrors({ doing: 'write to', path: root }, async () => {
          await using probe = await tempFile(root)
          await probe.handle.writeFile('probe')
        })
      }
      await checkRoot(root)
      for await (const _ of folderNames(root)) break
    },
    locks: undefined,
    close: async () => {},
  }
}

const longestName = 255

/** Where the object `key` lies below `root`. Throws 'invalid' for keys that no store takes and for segments longer than a file's name can be. */
export function keyPath(root: string, key: string): string {
  checkKey(key)
  const long = key.split('/').find((segment) => Buffer.byteLength(segment) > longestName)
  if (long === undefined) return join(root, key)
  throw new StoreError(
    'invalid',
    `${JSON.stringify(key)} cannot be stored in a directory: its part "${long.slice(0, 40)}…" is longer than the ${longestName} bytes of a file name; use a shorter name`,
  )
}

async function makeRoot(root: string): Promise<void> {
  await withFileErrors({ doing: 'create', path: root }, async () => {
    try {
      await mkdir(root, { mode: 0o700 })
    } catch (error) {
      if (errorCode(error) === 'EEXIST' || (await isDirectory(root))) return await checkRoot(root)
      if (errorCode(error) !== 'ENOENT') throw error
      throw new StoreError(
        'no-bucket',
        `there is no directory ${root}, nor ${dirname(root)} to create it in: create it, or check the path of the store`,
        { cause: error },
      )
    }
  })
}

// On a read-only file system mkdir says EROFS before it says EEXIST.
async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true
}

interface Write {
  path: string
  body: Bytes
  signal: AbortSignal | undefined
}

async function write(root: string, { path, body, signal }: Write): Promise<number> {
  if ((await stat(path).catch(() => undefined)) !== undefined) throw await takenError(path)
  // Only the store's own calls: the error of a body may be a system error too, and says nothing about the store.
  const translated = <T>(action: () => Promise<T>) => withFileErrors({ doing: 'write', path }, action)
  await using temp = await translated(() => tempFile(root))
  let size = 0
  for await (const chunk of bodyChunks(body, signal)) {
    await translated(() => writeAll(temp.handle, chunk))
    size += chunk.byteLength
  }
  await translated(() => temp.handle.sync())
  signal?.throwIfAborted()
  await translated(() => publish(temp.path, { root, path }))
  return size
}

// write(2) may take less than it was given, above all on a disk that is nearly full.
async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.byteLength;) at += (await handle.write(chunk, at)).bytesWritten
}

interface Read {
  key: string
  path: string
  range: ByteRange | undefined
  signal: AbortSignal | undefined
}

async function read(root: string, { key, path, range, signal }: Read): Promise<AsyncIterable<Uint8Array>> {
  const handle = await whenPresent(root, { doing: 'read', path }, () => open(path, 'r'))
  if (handle === undefined) throw new StoreError('missing', `there is no ${path}`)
  try {
    const found = await handle.stat()
    if (!found.isFile()) throw new StoreError('missing', `there is no object ${path}: it is a folder`)
    return chunks(handle, { path, signal, ...clampRange(range, { key, size: found.size }) })
  } catch (error) {
    await handle.close()
    throw fileError(error, { doing: 'read', path })
  }
}

const chunkSize = 256 * 1024

async function* chunks(
  handle: FileHandle,
  { path, signal, start, end }: { path: string; signal: AbortSignal | undefined } & ByteRange,
): AsyncGenerator<Uint8Array> {
  try {
    for (let at = start; at <= end;) {
      signal?.throwIfAborted()
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(Math.min(chunkSize, end + 1 - at)), { position: at })
      if (bytesRead === 0)
        throw new StoreError('invalid', `${path} became shorter while it was read: somebody else changes it`)
      yield buffer.subarray(0, bytesRead)
      at += bytesRead
    }
  } catch (error) {
    throw fileError(error, { doing: 'read', path })
  } finally {
    await handle.close()
  }
}

// Undefined when there is no file under that name; a store that is missing altogether is an error.
async function whenPresent<T>(
  root: string,
  about: { doing: string; path: string },
  action: () => Promise<T>,
): Promise<T | undefined> {
  return withFileErrors(about, async () => {
    try {
      return await action()
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errorCode(error) ?? '')) throw error
      await checkRoot(root)
      return undefined
    }
  })
}

async function removeEmptyFolders(from: string, root: string): Promise<void> {
  for (let folder = from; folder !== root; folder = dirname(folder)) {
    try {
      await rmdir(folder)
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') return // not empty, or not ours to remove: it only costs a name
    }
  }
}
