import { rm } from 'node:fs/promises'
import { isAlive } from './process-identity.ts'
import { killGroup } from './program.ts'
import { endNode } from './node-end.ts'
import { readState, sandboxDirectory, sandboxNames, type ProgramName, type SandboxState } from './sandbox-state.ts'

/** A sandbox as it is now. `broken`: a program of it has died; `dead`: nothing runs, `up` or `down` clears it. */
export interface SandboxStatus {
  name: string
  condition: 'running' | 'starting' | 'broken' | 'dead'
  /** True when it ends with the process `owner`. */
  owned: boolean
  owner: number
  server: string
  kubeconfigPath: string
  stateDir: string
  etcdUrl: string
  /** ISO 8601. */
  created: string
  programs: Partial<Record<ProgramName, { pid: number; alive: boolean }>>
}

/** Ends exactly the processes of the sandbox `name` and removes its folder; false when there is no such sandbox. */
export async function sandboxDown({ name, home }: { name: string; home: string }): Promise<boolean> {
  const directory = sandboxDirectory(home, name)
  const state = await readState(directory)
  if (state !== undefined) await endPrograms(state)
  await rm(directory, { recursive: true, force: true, maxRetries: 5 })
  return state !== undefined
}

/** What the sandbox `name` is doing; undefined when there is no such sandbox. */
export async function sandboxStatus({
  name,
  home,
}: {
  name: string
  home: string
}): Promise<SandboxStatus | undefined> {
  const directory = sandboxDirectory(home, name)
  const state = await readState(directory)
  return state === undefined ? undefined : statusOf(directory, state)
}

/** Every sandbox of this user, by name. */
export async function listSandboxes({ home }: { home: string }): Promise<SandboxStatus[]> {
  const statuses = await Promise.all((await sandboxNames(home)).map((name) => sandboxStatus({ name, home })))
  return statuses.filter((status) => status !== undefined)
}

/**
 * Ends what `state` names and still runs; a process that merely got one of its pids is left alone. Of a node nothing is left outside of
 * the sandbox's folder.
 */
export async function endPrograms(state: SandboxState): Promise<void> {
  await Promise.all(Object.values(state.programs).map((identity) => killGroup(identity)))
  if (state.node !== undefined) await endNode(state.node)
}

async function statusOf(stateDir: string, state: SandboxState): Promise<SandboxStatus> {
  const programs: SandboxStatus['programs'] = {}
  for (const [name, identity] of Object.entries(state.programs)) {
    programs[name as ProgramName] = { pid: identity.pid, alive: await isAlive(identity) }
  }
  const alive = Object.values(programs).map((program) => program.alive)
  const { name, server, kubeconfigPath, etcdUrl, created, phase } = state
  return {
    name,
    condition: await condition(state, alive),
    owned: phase === 'owned',
    owner: state.owner.pid,
    server,
    kubeconfigPath,
    stateDir,
    etcdUrl,
    created,
    programs,
  }
}

async function condition(state: SandboxState, alive: readonly boolean[]): Promise<SandboxStatus['condition']> {
  if (state.phase === 'starting') return (await isAlive(state.owner)) ? 'starting' : 'dead'
  if (alive.every(Boolean)) return 'running'
  return alive.some(Boolean) ? 'broken' : 'dead'
}
