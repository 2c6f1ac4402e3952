import { setTimeout as sleep } from 'node:timers/promises'
import { removeGroups } from './control-groups.ts'
import { removeBridge } from './node-network.ts'
import { freeSlot, slotOf } from './node-slot.ts'
import { isAlive, type ProcessIdentity } from './process-identity.ts'

/** What has to be known to take away what a node leaves outside of its folder and its processes. */
export interface NodeTraces {
  slot: number
  busybox: string
  /** First process of the node's own process namespace; with it the kernel ends all others and unmounts what they mounted. */
  init?: ProcessIdentity | undefined
}

const patienceMs = 30_000

/** Takes away the bridge, the control groups and the slot of a node whose programs have been killed; returns when no process of it is left. */
export async function endNode({ slot: number, busybox, init }: NodeTraces): Promise<void> {
  const slot = slotOf(number)
  const deadline = performance.now() + patienceMs
  while (init !== undefined && (await isAlive(init)) && performance.now() < deadline) await sleep(20)
  await removeBridge(slot, busybox)
  await removeGroups(slot.cgroup)
  await freeSlot(slot)
}
