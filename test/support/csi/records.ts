import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What the driver knows of one volume. */
export interface VolumeRecord {
  id: string
  name: string
  /** Bytes. */
  size: number
  source?: { snapshot: string } | { volume: string } | undefined
}

/** What the driver knows of one snapshot. */
export interface SnapshotRecord {
  id: string
  name: string
  volume: string
  /** Bytes. */
  size: number
  /** When it was cut, ISO 8601. */
  created: string
  /** When it is good for restores, ISO 8601; undefined for one that never is. */
  ready?: string | undefined
  /** Of a snapshot of several volumes at once. */
  group?: string | undefined
}

/** Records of one kind, each in a file of its own, so that tests may read them, and take one away behind the driver's back. */
export interface Records<T extends { id: string }> {
  find(id: string): Promise<T | undefined>
  list(): Promise<T[]>
  put(record: T): Promise<void>
  remove(id: string): Promise<void>
}

/** The records in `directory`. */
export async function openRecords<T extends { id: string }>(directory: string): Promise<Records<T>> {
  await mkdir(directory, { recursive: true })
  // What comes from outside must not lead out of the folder.
  const fileOf = (id: string) => join(directory, `${encodeURIComponent(id).replaceAll('.', '%2E').slice(0, 200)}.json`)
  const read = async (path: string) => {
    try {
      return JSON.parse(await readFile(path, 'utf8')) as T
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }
  return {
    find: (id) => read(fileOf(id)),
    list: async () => {
      const names = (await readdir(directory)).filter((name) => name.endsWith('.json')).toSorted()
      return (await Promise.all(names.map((name) => read(join(directory, name))))).filter((one) => one !== undefined)
    },
    put: async (record) => {
      await writeFile(`${fileOf(record.id)}.new`, JSON.stringify(record))
      await rename(`${fileOf(record.id)}.new`, fileOf(record.id))
    },
    remove: (id) => rm(fileOf(id), { force: true }),
  }
}

/** The id of what was asked for under `name`: the same for each repetition of the request. */
export function idOf(kind: 'vol' | 'snap' | 'group', name: string): string {
  return `${kind}-${createHash('sha256').update(name).digest('hex').slice(0, 16)}`
}
