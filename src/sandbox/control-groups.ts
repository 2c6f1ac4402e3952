import { mkdir, readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SandboxError } from './error.ts'

// One hierarchy here (version 2), or one in each folder (version 1, with or without version 2 beside it).
const root = '/sys/fs/cgroup'
const patienceMs = 30_000

/** Rejects with SandboxError 'node-refused', in one line, where this process cannot make control groups. */
export async function requireGroups(): Promise<void> {
  const trial = `lifeboat-trial-${process.pid}`
  try {
    const found = await hierarchies()
    if (found.length === 0) throw new Error('there are none')
    for (const hierarchy of found) {
      await mkdir(join(hierarchy, trial))
      await rmdir(join(hierarchy, trial))
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new SandboxError('node-refused', `a node needs control groups of its own in ${root}: ${why}`, {
      cause: error,
    })
  }
}

/** Makes the control group `path` (such as `/mine`) in each hierarchy, with all controllers for the groups below it. */
export async function makeGroups(path: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    await mkdir(join(hierarchy, path))
    if (hierarchy === root) await delegate([root, join(root, path)])
  }
}

/** Removes the control group `path` and those below it, in each hierarchy. A group of a process that is just dying is waited for. */
export async function removeGroups(path: string): Promise<void> {
  for (const hierarchy of await hierarchies()) await removeGroup(join(hierarchy, path))
}

async function hierarchies(): Promise<string[]> {
  if (await exists(join(root, 'cgroup.controllers'))) return [root]
  const found: string[] = []
  for (const entry of await readdir(root, { withFileTypes: true })) {
    // Links are second names of the same hierarchy.
    if (entry.isDirectory() && (await exists(join(root, entry.name, 'cgroup.procs'))))
      found.push(join(root, entry.name))
  }
  return found
}

async function delegate(groups: readonly string[]): Promise<void> {
  for (const group of groups) {
    const controllers = (await readFile(join(group, 'cgroup.controllers'), 'utf8')).trim().split(' ')
    await writeFile(join(group, 'cgroup.subtree_control'), controllers.map((name) => `+${name}`).join(' '))
  }
}

async function removeGroup(path: string): Promise<void> {
  if (!(await exists(path))) return
  const entries = await readdir(path, { withFileTypes: true })
  for (const entry of entries) if (entry.isDirectory()) await removeGroup(join(path, entry.name))
  const deadline = performance.now() + patienceMs
  for (;;) {
    try {
      return await rmdir(path)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return
      if (code !== 'EBUSY' || performance.now() > deadline) throw error
      await sleep(50)
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}
