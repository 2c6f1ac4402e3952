import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What goes wrong with snapshots of one volume, or with restores of one snapshot. */
export interface Fault {
  /** Each request ends with this error. */
  error?: string
  /** The request takes so long, and the snapshot is cut at its end. */
  takesMs?: number
  /** The snapshot is cut at once, but good for restores only so much later; `never` as long as the fault is on. */
  readyAfterMs?: number | 'never'
}

/** Faults by handle of a volume or snapshot. */
export interface Faults {
  of(handle: string): Promise<Fault>
  /** Switches a fault on until it is disposed. */
  set(handle: string, fault: Fault): Promise<AsyncDisposable>
}

/** The faults in `directory`, which the driver and the tests share. */
export async function openFaults(directory: string): Promise<Faults> {
  await mkdir(directory, { recursive: true })
  const fileOf = (handle: string) => join(directory, `${encodeURIComponent(handle)}.json`)
  return {
    of: async (handle) => {
      const text = await readFile(fileOf(handle), 'utf8').catch(() => '{}')
      return JSON.parse(text) as Fault
    },
    set: async (handle, fault) => {
      await writeFile(`${fileOf(handle)}.new`, JSON.stringify(fault))
      await rename(`${fileOf(handle)}.new`, fileOf(handle))
      return { [Symbol.asyncDispose]: () => rm(fileOf(handle), { force: true }) }
    },
  }
}
