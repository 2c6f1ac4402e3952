import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'

/** A held lock; disposing gives it back. */
export interface FileLock extends AsyncDisposable {
  readonly path: string
}

/**
 * Takes the lock file at `path` if no living process holds it, else answers with the holder.
 * A lock whose holder died is taken over.
 */
export async function tryLock(path: string): Promise<FileLock | { heldBy: number }> {
  const me = await identify(process.pid)
  if (me === undefined) throw new Error('the running process cannot be identified: /proc or ps is not readable')
  // The lock appears with its content in one step, so nobody reads a half-written one.
  const draft = `${path}.${randomUUID()}`
  await writeFile(draft, JSON.stringify(me), { flag: 'wx', mode: 0o600 })
  try {
    for (;;) {
      if (await linked(draft, path)) {
        return { path, [Symbol.asyncDispose]: () => rm(path, { force: true }) }
      }
      const holder = await readHolder(path)
      if (holder === undefined) continue
      if (await isAlive(holder)) return { heldBy: holder.pid }
      await breakLock(path, holder)
    }
  } finally {
    await rm(draft, { force: true })
  }
}

/** Waits until the lock at `path` is free, calling `waiting` with the holder's pid about once a second; rejects when `signal` fires. */
export async function lock(
  path: string,
  { waiting, signal }: { waiting?: (holder: number) => void; signal?: AbortSignal | undefined } = {},
): Promise<FileLock> {
  for (;;) {
    const taken = await tryLock(path)
    if (!('heldBy' in taken)) return taken
    waiting?.(taken.heldBy)
    await sleep(1000, undefined, signal === undefined ? {} : { signal })
  }
}

async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function readHolder(path: string): Promise<ProcessIdentity | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as ProcessIdentity
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function breakLock(path: string, dead: ProcessIdentity): Promise<void> {
  const aside = `${path}.${randomUUID()}`
  try {
    await rename(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  // Somebody else may have broken the dead lock and taken it between our look and our rename: give theirs back.
  const moved = await readHolder(aside)
  if (moved !== undefined && moved.started !== dead.started) await linked(aside, path)
  await rm(aside, { force: true })
}
