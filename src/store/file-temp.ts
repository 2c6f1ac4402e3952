import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, readdir, rmdir, stat, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '#store/file-error.ts'
import { reservedSegment } from '#store/key.ts'
import { isOfDeadProcess, processMark } from '#store/writer-process.ts'

/** Where objects grow before they get their name: below the root, hence in the same file system, and no key may lead there. */
const folder = `${reservedSegment}tmp`

const minute = 60_000
const restingTime = 10 * minute
const longestLife = 24 * 60 * minute

export interface TempFile extends AsyncDisposable {
  path: string
  handle: FileHandle
}

/** Makes an empty file that nobody else can read, in the store at `root`; disposing of it removes it, and the folder when nobody else needs it. */
export async function tempFile(root: string): Promise<TempFile> {
  const path = join(root, folder, `${processMark()}.${randomBytes(8).toString('hex')}`)
  const handle = await openInFolder(root, path)
  return {
    path,
    handle,
    async [Symbol.asyncDispose]() {
      await handle.close().catch(() => {})
      await unlink(path).catch(() => {}) // what cannot be removed now is a leftover, and the error that led here says more
      await removeFolder(root)
    },
  }
}

/**
 * Holds the name `name` against every other writer of the store at `root` until disposed of, for file systems without hard links.
 * Undefined when another writer holds it.
 */
export async function claim(root: string, name: string): Promise<AsyncDisposable | undefined> {
  const path = join(root, folder, `claim-${createHash('sha256').update(name).digest('hex')}`)
  try {
    await (await openInFolder(root, path)).close()
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return undefined
    throw error
  }
  return {
    async [Symbol.asyncDispose]() {
      await unlink(path).catch(() => {})
    },
  }
}

/**
 * Removes what dead writers left in the store at `root`: files untouched for ten minutes whose process on this machine is gone, and files of
 * other machines (whose processes cannot be seen from here) and claims after a day. Never fails: leftovers are only a waste of space.
 */
export async function removeLeftovers(root: string, now: Date): Promise<void> {
  const names = await readdir(join(root, folder)).catch(() => [])
  for (const name of names) {
    const path = join(root, folder, name)
    const found = await stat(path).catch(() => undefined)
    if (found === undefined) continue
    const age = now.getTime() - found.mtimeMs
    if (age > longestLife || (age > restingTime && isOfDeadProcess(name))) await unlink(path).catch(() => {})
  }
  if (names.length > 0) await removeFolder(root)
}

// Between mkdir and open another writer may remove the folder as empty.
async function openInFolder(root: string, path: string): Promise<FileHandle> {
  for (let attempt = 1; ; attempt++) {
    await mkdir(join(root, folder), { mode: 0o700 }).catch(ignoreExisting)
    try {
      return await open(path, 'wx', 0o600)
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || attempt === 100) throw error
    }
  }
}

async function removeFolder(root: string): Promise<void> {
  await rmdir(join(root, folder)).catch(() => {}) // others still write there
}

function ignoreExisting(error: unknown): void {
  if (errorCode(error) !== 'EEXIST') throw error
}
