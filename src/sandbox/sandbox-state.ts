import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ControlPlaneName } from './control-plane.ts'
import { SandboxError } from './error.ts'
import type { NodeTraces } from './node-end.ts'
import type { NodeProgramName } from './node.ts'
import type { ProcessIdentity } from './process-identity.ts'

/** Every program that a sandbox may have. */
export type ProgramName = ControlPlaneName | NodeProgramName

/** What is on disk about one sandbox, written before anything that it describes is relied on. */
export interface SandboxState {
  version: 1
  name: string
  /** `https://127.0.0.1:port` */
  server: string
  /** `http://127.0.0.1:port`; no authentication. */
  etcdUrl: string
  kubeconfigPath: string
  /** ISO 8601. */
  created: string
  /** `owned` ends with its owner; `starting` means that `up` has not finished. */
  phase: 'starting' | 'running' | 'owned'
  /** The process that ran `up`. */
  owner: ProcessIdentity
  programs: Partial<Record<ProgramName, ProcessIdentity>>
  /** Of a sandbox with a node. */
  node?: NodeTraces & { tools: string }
}

/** Folder of all sandboxes below the state folder `home`. */
export function sandboxesDirectory(home: string): string {
  return join(home, 'sandboxes')
}

/** Folder of the sandbox `name`; SandboxError 'name-invalid' unless it is a DNS label. */
export function sandboxDirectory(home: string, name: string): string {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
    throw new SandboxError(
      'name-invalid',
      `sandbox name "${name}" is not valid: use up to 63 lower-case letters, digits and dashes, with a letter or digit at both ends`,
    )
  }
  return join(sandboxesDirectory(home), name)
}

/** The state in `directory`; undefined when there is no sandbox. */
export async function readState(directory: string): Promise<SandboxState | undefined> {
  try {
    return JSON.parse(await readFile(statePath(directory), 'utf8')) as SandboxState
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Replaces the state in one step. */
export async function writeState(directory: string, state: SandboxState): Promise<void> {
  const draft = `${statePath(directory)}.new`
  await writeFile(draft, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 })
  await rename(draft, statePath(directory))
}

/** Empties `directory` of what a sandbox leaves, keeping its lock, and makes it ready for a new one. */
export async function clearDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  for (const entry of await readdir(directory)) {
    if (!entry.startsWith('lock')) await rm(join(directory, entry), { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Names of the sandboxes below `home`, sorted. */
export async function sandboxNames(home: string): Promise<string[]> {
  try {
    const entries = await readdir(sandboxesDirectory(home), { withFileTypes: true })
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .toSorted()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function statePath(directory: string): string {
  return join(directory, 'state.json')
}
