import { link, lstat, mkdir, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode } from '#store/file-error.ts'
import { claim } from '#store/file-temp.ts'
import { StoreError } from '#store/store.ts'

// What link(2) says where the file system has no hard links (FAT, exFAT, some network mounts).
const noLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV'])

/**
 * Gives the finished file `temp` the name `path` below `root`, durably, unless something has that name: then 'exists', or 'invalid' for a folder.
 * The temporary name may or may not be left.
 */
export async function publish(temp: string, { root, path }: { root: string; path: string }): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const firstMade = await makeFolder(dirname(path))
    try {
      await linkOrClaim(temp, { root, path })
      return await syncFolders(dirname(path), firstMade === undefined ? dirname(path) : dirname(firstMade))
    } catch (error) {
      // A concurrent delete removes folders that it leaves empty.
      if (errorCode(error) === 'ENOENT' && attempt < 100) continue
      throw errorCode(error) === 'EEXIST' ? await takenError(path) : error
    }
  }
}

/** The error for a name that is taken: 'exists' by an object, 'invalid' by a folder. */
export async function takenError(path: string): Promise<StoreError> {
  const found = await lstat(path).catch(() => undefined)
  return found?.isDirectory() === true
    ? new StoreError('invalid', `${path} is a folder, and in a directory no object can have the same name`)
    : new StoreError('exists', `${path} is already there: an object is never overwritten`)
}

async function makeFolder(path: string): Promise<string | undefined> {
  try {
    return await mkdir(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    const code = errorCode(error)
    if (code !== 'EEXIST' && code !== 'ENOTDIR') throw error
    throw new StoreError('invalid', `cannot make the folder ${path}: a part of it is an object`, { cause: error })
  }
}

async function linkOrClaim(temp: string, { root, path }: { root: string; path: string }): Promise<void> {
  try {
    return await link(temp, path)
  } catch (error) {
    if (!noLinks.has(errorCode(error) ?? '')) throw error
  }
  // rename(2) overwrites, so writers take turns: whoever holds the claim may look whether the name is free and then take it.
  for (let attempt = 1; attempt <= 100; attempt++) {
    await using held = await claim(root, path)
    if (held !== undefined) {
      if ((await lstat(path).catch(() => undefined)) !== undefined) throw await takenError(path)
      return await rename(temp, path)
    }
    await sleep(20)
  }
  throw new StoreError('busy', `another writer holds ${path}: try again; after a crash its claim ends within a day`)
}

// A name survives a power failure only when its folder was synced, and a new folder only when its parent was.
async function syncFolders(from: string, upTo: string): Promise<void> {
  for (let folder = from; ; folder = dirname(folder)) {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } catch (error) {
      if (!['EINVAL', 'ENOTSUP', 'EPERM'].includes(errorCode(error) ?? '')) throw error // some network mounts cannot sync a folder
    } finally {
      await handle.close()
    }
    if (folder === upTo) return
  }
}
