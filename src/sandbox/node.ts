import { execFile } from 'node:child_process'
import { copyFile, mkdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import type { CertificateFiles } from './certificates.ts'
import { createClientCertificate, longValidity } from './certificate.ts'
import { makeGroups, removeGroups } from './control-groups.ts'
import { SandboxError } from './error.ts'
import { writeKubeconfig } from './kubeconfig.ts'
import {
  busyboxImage,
  containerdConfig,
  kubeletConfig,
  networkConfig,
  nodeName,
  nodePath,
  pauseImage,
  type NodePlan,
} from './node-config.ts'
import { layBridge, relayArguments } from './node-network.ts'
import { fixedDirectories } from './node-slot.ts'
import { writeImages } from './oci-image.ts'
import { identify, type ProcessIdentity } from './process-identity.ts'
import type { ProgramOptions } from './program.ts'

const run = promisify(execFile)

/** The programs of a node, in the order in which they start. */
export type NodeProgramName = 'kube-scheduler' | 'containerd' | 'kubelet' | 'api-relay'

/** What a node's start needs from the sandbox that it belongs to. */
export interface NodeStart {
  plan: NodePlan
  certificates: CertificateFiles
  /** Of the administrator. */
  kubeconfigPath: string
  kube: KubeClient
  /** Starts a program and writes it down; resolves to its process. */
  launch: (options: ProgramOptions & { name: NodeProgramName }) => Promise<ProcessIdentity>
  /** Asks until the answer is yes. */
  wait: (what: string, question: () => Promise<boolean>) => Promise<void>
  /** Writes down the first process of the node's own process namespace. */
  begun: (init: ProcessIdentity) => Promise<void>
}

/** Throws SandboxError 'node-refused' where no node can run; `uid` is that of the user. */
export function requireNodeRights({ platform = process.platform, uid = process.getuid?.() } = {}): void {
  if (platform !== 'linux') {
    throw new SandboxError('node-refused', 'a node needs Linux: do without one')
  }
  if (uid !== 0) {
    throw new SandboxError(
      'node-refused',
      'a node needs root, since it runs containers: start it as root, or do without a node',
    )
  }
}

/**
 * Starts scheduler, containerd and kubelet and returns when the node is ready for pods. containerd and everything that it starts live in
 * process and mount namespaces of their own, which the kernel clears when their first process ends, however that ends.
 */
export async function startNode(start: NodeStart): Promise<void> {
  const { plan } = start
  await removeGroups(plan.slot.cgroup)
  await makeGroups(plan.slot.cgroup)
  await layBridge(plan.slot, join(plan.tools, 'bin/busybox'))
  await writeNodeFiles(start)
  await start.launch(program(plan, 'kube-scheduler', [plan.programs['kube-scheduler'], ...schedulerFlags(start)]))
  await start.launch(program(plan, 'api-relay', [process.execPath, ...relayArguments(plan.slot, plan.ports.apiServer)]))
  const containerd = await start.launch(program(plan, 'containerd', containerdCommand(plan)))
  await start.wait('containerd', async () => {
    const init = await initOf(containerd.pid)
    if (init !== undefined) await start.begun(init)
    return init !== undefined && answers(insideNode(containerd.pid, [join(plan.tools, 'usr/bin/ctr'), 'version']))
  })
  await importImage(join(plan.directory, 'images.tar'), { leader: containerd.pid, tools: plan.tools })
  const kubelet = [plan.programs.kubelet, ...kubeletFlags(plan)]
  await start.launch(program(plan, 'kubelet', insideNode(containerd.pid, kubelet)))
  await awaitNode(start)
}

/** The command that runs `command` among the node's processes and mounts; `leader` is the process of the program containerd. */
export function insideNode(leader: number, command: readonly string[]): string[] {
  const spaces = `/proc/${leader}/ns`
  return ['/usr/bin/nsenter', `--mount=${spaces}/mnt`, `--pid=${spaces}/pid_for_children`, '--', ...command]
}

/** Gives the node the images in the file at `path`, a tar of an OCI image layout. */
export async function importImage(path: string, { leader, tools }: { leader: number; tools: string }): Promise<void> {
  const ctr = [join(tools, 'usr/bin/ctr'), '--namespace', 'k8s.io', 'images', 'import', path]
  const [file, ...args] = insideNode(leader, ctr) as [string, ...string[]]
  await run(file, args)
}

async function answers([file, ...args]: string[]): Promise<boolean> {
  return run(file ?? '', args).then(
    () => true,
    () => false,
  )
}

async function writeNodeFiles({ plan, certificates }: NodeStart): Promise<void> {
  const { directory, slot, ports } = plan
  const write = (name: string, text: string) => writeFile(join(directory, name), text, { mode: 0o600 })
  for (const name of ['cni', 'fixed', 'volume-plugins']) await mkdir(join(directory, name), { recursive: true })
  for (const path of fixedDirectories) await mkdir(join(directory, 'fixed', path), { recursive: true })
  await write('containerd.toml', containerdConfig(plan))
  await write('cni/pods.conf', networkConfig(plan))
  await write('kubelet.json', kubeletConfig(plan))
  // No name is resolved beyond what a pod says itself.
  await write('resolv.conf', '')
  await write('begin.sh', beginScript(plan))
  const authority = {
    cert: await readFile(certificates.authority.cert, 'utf8'),
    key: await readFile(certificates.authority.key, 'utf8'),
  }
  const identity = { user: `system:node:${nodeName}`, groups: ['system:nodes'], validity: longValidity(new Date()) }
  const pair = await createClientCertificate(authority, identity)
  const client = { cert: join(directory, 'kubelet.crt'), key: join(directory, 'kubelet.key') }
  await write('kubelet.crt', pair.cert)
  await write('kubelet.key', pair.key)
  await writeKubeconfig(join(directory, 'kubelet.kubeconfig'), {
    name: `node-${slot.number}`,
    server: `https://127.0.0.1:${ports.apiServer}`,
    authorityFile: certificates.authority.cert,
    client,
  })
  await writeBusybox(plan)
}

/** The images that every node has: busybox, and what holds a pod's namespaces open. */
async function writeBusybox({ directory, tools }: NodePlan): Promise<void> {
  const rootfs = join(directory, 'rootfs')
  for (const name of ['bin', 'tmp', 'etc', 'root', 'var']) await mkdir(join(rootfs, name), { recursive: true })
  const busybox = join(rootfs, 'bin/busybox')
  await copyFile(join(tools, 'bin/busybox'), busybox)
  const { stdout } = await run(busybox, ['--list'])
  for (const applet of stdout.split('\n').filter((name) => name !== '' && name !== 'busybox')) {
    await symlink('busybox', join(rootfs, 'bin', applet))
  }
  await writeFile(join(rootfs, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n')
  await writeFile(join(rootfs, 'etc/group'), 'root:x:0:\n')
  const env = { PATH: '/bin' }
  await writeImages(join(directory, 'images.tar'), {
    rootfs,
    images: [
      { name: busyboxImage, command: ['sh'], env },
      { name: pauseImage, entrypoint: ['/bin/sleep', 'infinity'], env },
    ],
  })
  await rm(rootfs, { recursive: true })
}

function program(
  plan: NodePlan,
  name: NodeProgramName,
  [path, ...args]: string[],
): ProgramOptions & { name: NodeProgramName } {
  return {
    name,
    path: path ?? '',
    args,
    logPath: join(plan.logsDirectory, `${name}.log`),
    cwd: plan.directory,
    env: { PATH: nodePath(plan) },
  }
}

function containerdCommand({ directory }: NodePlan): string[] {
  const own = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc']
  return ['/usr/bin/unshare', ...own, '/bin/sh', join(directory, 'begin.sh')]
}

/** What the first process of the node does. It stays, so that somebody collects the processes that lose their parent. */
function beginScript({ directory, tools }: NodePlan): string {
  const binds = fixedDirectories.map((path) => `mount --bind '${join(directory, 'fixed', path)}' ${path}`)
  return `set -e
# Mounts in this namespace reach containers that ask for it, but not the machine.
mount --make-rshared /
${binds.join('\n')}
'${join(tools, 'usr/bin/containerd')}' --config '${join(directory, 'containerd.toml')}' &
wait $!
`
}

function schedulerFlags({ plan, certificates, kubeconfigPath }: NodeStart): string[] {
  return [
    `--kubeconfig=${kubeconfigPath}`,
    `--authentication-kubeconfig=${kubeconfigPath}`,
    `--authorization-kubeconfig=${kubeconfigPath}`,
    `--secure-port=${plan.ports.scheduler}`,
    '--bind-address=127.0.0.1',
    `--tls-cert-file=${certificates.serving.cert}`,
    `--tls-private-key-file=${certificates.serving.key}`,
    '--leader-elect=false',
  ]
}

function kubeletFlags({ directory }: NodePlan): string[] {
  return [
    `--config=${join(directory, 'kubelet.json')}`,
    `--kubeconfig=${join(directory, 'kubelet.kubeconfig')}`,
    `--hostname-override=${nodeName}`,
    // Otherwise it insists on an address that is not the loopback's.
    '--cloud-provider=external',
  ]
}

/** The process that `leader` made the first of a new namespace; undefined until it has. */
async function initOf(leader: number): Promise<ProcessIdentity | undefined> {
  try {
    const space = await readlink(`/proc/${leader}/ns/pid_for_children`)
    const children = (await readFile(`/proc/${leader}/task/${leader}/children`, 'utf8')).trim().split(' ')
    for (const child of children) {
      if (child !== '' && (await readlink(`/proc/${child}/ns/pid`)) === space && space !== (await ownSpace())) {
        return await identify(Number(child))
      }
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  return undefined
}

function ownSpace(): Promise<string> {
  return readlink('/proc/self/ns/pid')
}

interface Node extends KubeObject {
  spec?: { taints?: { key: string }[] }
  status?: { conditions?: { type: string; status: string }[] }
}
const Nodes: ResourceType<Node> = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false }

/** Gives the node its address, as a cloud's controller would, and waits until pods may come. */
async function awaitNode({ kube, wait }: NodeStart): Promise<void> {
  await wait('the node to register', async () => (await kube.find(Nodes, nodeName)) !== undefined)
  const addresses = [
    { type: 'InternalIP', address: '127.0.0.1' },
    { type: 'Hostname', address: nodeName },
  ]
  await kube.patch(Nodes, nodeName, { merge: { status: { addresses } } }, { subresource: 'status' })
  await kube.patch(Nodes, nodeName, { merge: { spec: { taints: [] } } })
  await wait('the node', async () => {
    const node = await kube.get(Nodes, nodeName)
    const ready = node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
    return ready && (node.spec?.taints ?? []).length === 0
  })
}
