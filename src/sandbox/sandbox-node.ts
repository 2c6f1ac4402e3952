import { join } from 'node:path'
import { importImage, insideNode } from './node.ts'
import { nodeName } from './node-config.ts'
import { slotOf } from './node-slot.ts'
import type { SandboxState } from './sandbox-state.ts'

/** The node of a running sandbox. */
export interface SandboxNode {
  /** Of the Node object. */
  name: string
  /** Address of this machine for pods: a server that listens there is reached from the pods' network. */
  gateway: string
  /** Folder of the unpacked programs: `bin/busybox`, `usr/bin/ctr` and others. */
  tools: string
  /** The command that runs `command` among the node's processes and mounts; there the kubelet's folder is /var/lib/kubelet. */
  inside(command: readonly string[]): string[]
  /** Gives the node the images of the file at `path` (`writeImages` makes one); pods have to say `imagePullPolicy: IfNotPresent`. */
  importImage(path: string): Promise<void>
  /** Folder on this machine of what is /var/lib/kubelet inside, without what is mounted there. */
  kubeletDirectory: string
}

/** The node that `state` tells of; undefined when there is none. */
export function openNode(state: SandboxState, directory: string): SandboxNode | undefined {
  const leader = state.programs.containerd?.pid
  if (state.node === undefined || leader === undefined) return undefined
  const { tools, slot } = state.node
  return {
    name: nodeName,
    gateway: slotOf(slot).gateway,
    tools,
    inside: (command) => insideNode(leader, command),
    importImage: (path) => importImage(path, { leader, tools }),
    kubeletDirectory: join(directory, 'node/fixed/var/lib/kubelet'),
  }
}
