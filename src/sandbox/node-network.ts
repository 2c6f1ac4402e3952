import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { NodeSlot } from './node-slot.ts'

const run = promisify(execFile)

/** Makes the bridge of `slot`, with the addresses at which pods reach this machine and the API server's service. */
export async function layBridge(slot: NodeSlot, busybox: string): Promise<void> {
  await removeBridge(slot, busybox)
  const ip = (...args: string[]) => run(busybox, ['ip', ...args])
  await ip('link', 'add', 'name', slot.bridge, 'type', 'bridge')
  await ip('addr', 'add', `${slot.gateway}/24`, 'dev', slot.bridge)
  await ip('addr', 'add', `${slot.serviceAddress}/32`, 'dev', slot.bridge)
  await ip('link', 'set', 'dev', slot.bridge, 'up')
}

/** Removes the bridge of `slot` and what is plugged into it. */
export async function removeBridge(slot: NodeSlot, busybox: string): Promise<void> {
  if (!existsSync(join('/sys/class/net', slot.bridge))) return
  await run(busybox, ['ip', 'link', 'del', slot.bridge])
}

/**
 * The arguments with which Node passes connections to the API server's service on to its port on 127.0.0.1: what kube-proxy would do,
 * without rules in the kernel's tables.
 */
export function relayArguments(slot: NodeSlot, port: number): string[] {
  const script = `
    const net = require('node:net')
    net.createServer({ allowHalfOpen: true }, (near) => {
      const far = net.connect({ host: '127.0.0.1', port: ${port}, allowHalfOpen: true })
      near.on('error', () => far.destroy()).on('close', () => far.destroy())
      far.on('error', () => near.destroy()).on('close', () => near.destroy())
      near.pipe(far).pipe(near)
    }).listen(443, '${slot.serviceAddress}')`
  return ['--eval', script]
}
