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

/** So many folders are looked into at the same time: one after the other, ten thousand take a second and more. */
const AT_ONCE = 32

/** The names of the folders in `folder` that hold an object at any depth: a bucket knows no empty folders, which crashes leave in a directory. */
export async function* folderNames(folder: string): AsyncGenerator<string> {
  const names = (await entries(folder)).filter((entry) => entry.isDirectory()).map(({ name }) => name)
  for (let at = 0; at < names.length; at += AT_ONCE) {
    const some = names.slice(at, at + AT_ONCE)
    const held = await Promise.all(some.map((name) => holdsObject(join(folder, name))))
    yield* some.filter((_, index) => held[index])
  }
}

async function holdsObject(folder: string): Promise<boolean> {
  const found = await usable(folder)
  if (found.some((entry) => entry.isFile())) return true
  for (const { name } of found) if (await holdsObject(join(folder, name))) return true
  return false
}

// In the order of keys: a folder `a` counts as `a/`, which comes after `a-b`.
async function entries(folder: string): Promise<Dirent[]> {
  const place = (entry: Dirent) => (entry.isDirectory() ? `${entry.name}/` : entry.name)
  return (await usable(folder)).toSorted((a, b) => compareKeys(place(a), place(b)))
}

// Files and folders that can be objects, in no order.
async function usable(folder: string): Promise<Dirent[]> {
  const found = await withFileErrors({ doing: 'list', path: folder }, async () => {
    try {
      return await readdir(folder, { withFileTypes: true })
    } catch (error) {
      if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return []
      throw error
    }
  })
  return found.filter((entry) => (entry.isFile() || entry.isDirectory()) && keyProblem(entry.name) === undefined)
}
