import { mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { dirname, join } from 'node:path'
import { SandboxError } from './error.ts'
import { lock } from './file-lock.ts'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'

/** What nodes on one machine must not share. Everything follows from the number, so what a dead node left is found by the next one. */
export interface NodeSlot {
  number: number
  /** Network interface that pods are plugged into. */
  bridge: string
  /** Address of this machine on the bridge. */
  gateway: string
  /** Range of the pods' addresses. */
  podRange: string
  serviceRange: string
  /** First address of `serviceRange`: the API server's own service. */
  serviceAddress: string
  /** Below it are the containers' control groups. */
  cgroup: string
}

/** Folders where containerd, kubelet and CNI insist on keeping something; each node sees folders of its own there. */
export const fixedDirectories = ['/run/containerd', '/var/lib/cni', '/var/lib/kubelet', '/var/log/containers'] as const

const slotsDirectory = '/run/lifeboat'
const slotCount = 32

/** Slot `number`. */
export function slotOf(number: number): NodeSlot {
  return {
    number,
    bridge: `lifeboat${number}`,
    gateway: `10.244.${number}.1`,
    podRange: `10.244.${number}.0/24`,
    serviceRange: `10.${96 + number}.0.0/16`,
    serviceAddress: `10.${96 + number}.0.1`,
    cgroup: `/lifeboat${number}`,
  }
}

/** A slot that no living node has, held by this process until `holdSlot`. */
export async function takeSlot(signal?: AbortSignal): Promise<NodeSlot> {
  const me = await identify(process.pid)
  if (me === undefined) throw new Error('the running process cannot be identified: /proc is not readable')
  await using _lock = await lockSlots(signal)
  for (let number = 0; number < slotCount; number++) {
    const slot = slotOf(number)
    if ((await isHeld(slot)) || isForeign(slot)) continue
    await writeFile(slotPath(slot), JSON.stringify(me))
    await makeFixedDirectories()
    return slot
  }
  throw new SandboxError('name-taken', `${slotCount} sandboxes with a node run on this machine; end one first`)
}

/** From now on the slot is held as long as `holder` lives. */
export async function holdSlot(slot: NodeSlot, holder: ProcessIdentity): Promise<void> {
  await using _lock = await lockSlots()
  await writeFile(slotPath(slot), JSON.stringify(holder))
}

/** Gives the slot back, whose node has ended. The last one takes away the folders that were made for nodes, as far as they are empty. */
export async function freeSlot(slot: NodeSlot): Promise<void> {
  await using _lock = await lockSlots()
  await rm(slotPath(slot), { force: true })
  for (let number = 0; number < slotCount; number++) if (await isHeld(slotOf(number))) return
  for (const directory of (await madeDirectories()).toReversed()) await rmdir(directory).catch(() => undefined)
  for (const name of await readdir(slotsDirectory)) {
    if (!name.startsWith('lock')) await rm(join(slotsDirectory, name), { force: true })
  }
}

async function lockSlots(signal?: AbortSignal): Promise<AsyncDisposable> {
  await mkdir(slotsDirectory, { recursive: true, mode: 0o700 })
  return lock(join(slotsDirectory, 'lock'), { signal })
}

async function isHeld(slot: NodeSlot): Promise<boolean> {
  const text = await readFile(slotPath(slot), 'utf8').catch(() => undefined)
  return text !== undefined && isAlive(JSON.parse(text) as ProcessIdentity)
}

/** Whether somebody else's interface has an address in the slot's ranges. */
function isForeign(slot: NodeSlot): boolean {
  const prefixes = [slot.gateway.replace(/\d+$/, ''), slot.serviceAddress.replace(/\d+\.\d+$/, '')]
  return Object.entries(networkInterfaces()).some(
    ([name, addresses]) =>
      name !== slot.bridge && addresses?.some(({ address }) => prefixes.some((prefix) => address.startsWith(prefix))),
  )
}

async function makeFixedDirectories(): Promise<void> {
  const made = await madeDirectories()
  for (const directory of fixedDirectories) {
    const first = await mkdir(directory, { recursive: true })
    if (first === undefined) continue
    const chain: string[] = []
    for (let path: string = directory; path.length >= first.length; path = dirname(path)) chain.unshift(path)
    made.push(...chain)
  }
  await writeFile(madePath(), JSON.stringify(made))
}

async function madeDirectories(): Promise<string[]> {
  const text = await readFile(madePath(), 'utf8').catch(() => undefined)
  return text === undefined ? [] : (JSON.parse(text) as string[])
}

function slotPath({ number }: NodeSlot): string {
  return join(slotsDirectory, `node-${number}`)
}

function madePath(): string {
  return join(slotsDirectory, 'made-directories')
}
