import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode, withFileErrors } from '#store/file-error.ts'
import { compareKeys, keyProblem } from '#store/key.ts'
import type { StoredObject } from '#store/store.ts'

/** Every object in the folder `folder`, whose own key prefix is `prefix`, in key order; nothing when it is not there. */
export async function* walk(folder: string, prefix: string): AsyncGenerator<StoredObject> {
  for (const entry of await entries(folder)) {
    const key = prefix + entry.name
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      yield* walk(path, `${key}/`)
      continue
    }
    const found = await stat(path).catch(() => undefined) // deleted meanwhile
    if (found !== undefined) yield { key, size: found.size, modified: found.mtime }
  }
}

/** The names of the folders in `folder` that hold an object at any depth: a bucket knows no empty folders, which crashes leave in a directory. */
export async function* folderNames(folder: string): AsyncGenerator<string> {
  for (const entry of await entries(folder)) {
    if (entry.isDirectory() && (await holdsObject(join(folder, entry.name)))) yield entry.name
  }
}

async function holdsObject(folder: string): Promise<boolean> {
  for await (const _ of walk(folder, '')) return true
  return false
}

// Files and folders that can be objects, in the order of keys: a folder `a` counts as `a/`, which comes after `a-b`.
async function entries(folder: string): Promise<Dirent[]> {
  const found = await withFileErrors({ doing: 'list', path: folder }, async () => {
    try {
      return await readdir(folder, { withFileTypes: true })
    } catch (error) {
      if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return []
      throw error
    }
  })
  const place = (entry: Dirent) => (entry.isDirectory() ? `${entry.name}/` : entry.name)
  return found
    .filter((entry) => (entry.isFile() || entry.isDirectory()) && keyProblem(entry.name) === undefined)
    .toSorted((a, b) => compareKeys(place(a), place(b)))
}
