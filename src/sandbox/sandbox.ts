import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { NodeAssets } from './assets.ts'
import { writeCertificates } from './certificates.ts'
import { requireGroups } from './control-groups.ts'
import type { ControlPlane, ControlPlaneAssets, ControlPlaneName } from './control-plane.ts'
import { SandboxError, throwIfAborted } from './error.ts'
import { tryLock } from './file-lock.ts'
import { freePorts, isFree } from './free-port.ts'
import { writeKubeconfig } from './kubeconfig.ts'
import { requireNodeRights } from './node.ts'
import type { NodePlan } from './node-config.ts'
import { slotOf, takeSlot, type NodeSlot } from './node-slot.ts'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'
import { endPrograms } from './sandbox-end.ts'
import { openNode, type SandboxNode } from './sandbox-node.ts'
import { startAll, type SandboxProgress, type Starting } from './sandbox-start.ts'
import { clearDirectory, readState, sandboxDirectory, writeState, type SandboxState } from './sandbox-state.ts'

/** A control plane that answers, with controllers that work. */
export interface Sandbox extends AsyncDisposable {
  name: string
  /** `https://127.0.0.1:port` */
  server: string
  /** Of the administrator; certificates inside, mode 0600. */
  kubeconfigPath: string
  stateDir: string
  /** `http://127.0.0.1:port`; no authentication. */
  etcdUrl: string
  pids: Readonly<Record<ControlPlaneName, number>>
  /** PEM files of the authority whose client certificates the API server accepts. */
  authority: { cert: string; key: string }
  /** Undefined for a sandbox without a node. */
  node?: SandboxNode | undefined
}

export interface SandboxUpOptions {
  /** A DNS label; several sandboxes live side by side under different names. */
  name: string
  /** State folder, as `stateHome` gives it. */
  home: string
  assets: ControlPlaneAssets
  /** With these the sandbox has a node, on which pods run; needs root. */
  node?: NodeAssets | undefined
  /** True: the sandbox ends with this process, however that ends. False: it runs until `sandboxDown`. Default false. */
  owned?: boolean | undefined
  signal?: AbortSignal | undefined
  progress?: ((event: SandboxProgress) => void) | undefined
}

// A port that was free when asked for may be taken a moment later; thrice in a row is not chance.
const attempts = 3

/**
 * Starts etcd, kube-apiserver and kube-controller-manager on free ports of 127.0.0.1, and a node if one is wanted, and returns when they work.
 * A sandbox of that name that already runs is returned as it is; what a dead run left is ended and cleared first.
 * Rejects with SandboxError; then nothing that it started is left running. Disposing an owned sandbox ends and removes it.
 */
export async function sandboxUp(options: SandboxUpOptions): Promise<Sandbox> {
  const directory = sandboxDirectory(options.home, options.name)
  if (options.node !== undefined) {
    requireNodeRights()
    await requireGroups()
  }
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await using _lock = await lockSandbox(directory, options.name)
  const running = await reuseOrClear(directory, options)
  if (running !== undefined) return running
  for (let attempt = 1; ; attempt++) {
    throwIfAborted(options.signal, `starting sandbox ${options.name}`)
    await clearDirectory(directory)
    const prepared = await prepare(directory, options)
    try {
      return await start(prepared, options)
    } catch (error) {
      const ports = [...Object.values(prepared.plane.ports), ...Object.values(prepared.node?.ports ?? {})]
      const taken = (await Promise.all(ports.map(isFree))).includes(false)
      if (!taken || attempt === attempts || options.signal?.aborted === true) throw error
    }
  }
}

async function lockSandbox(directory: string, name: string): Promise<AsyncDisposable> {
  const lock = await tryLock(join(directory, 'lock'))
  if ('heldBy' in lock) {
    throw new SandboxError('name-taken', `sandbox ${name} is being started by process ${lock.heldBy}`)
  }
  return lock
}

async function reuseOrClear(directory: string, { name, owned, node }: SandboxUpOptions): Promise<Sandbox | undefined> {
  const state = await readState(directory)
  if (state === undefined) return undefined
  if (state.phase === 'owned' && (await isAlive(state.owner))) {
    throw new SandboxError('name-taken', `sandbox ${name} belongs to process ${state.owner.pid}, which still runs`)
  }
  const programs = Object.values(state.programs)
  if (state.phase === 'running' && (await Promise.all(programs.map(isAlive))).every(Boolean)) {
    if (node !== undefined && state.node === undefined) {
      throw new SandboxError('name-taken', `sandbox ${name} already runs, without a node; end it first (sandbox down)`)
    }
    if (owned !== true) return sandboxOf(directory, state)
    throw new SandboxError('name-taken', `sandbox ${name} already runs; end it first (sandbox down)`)
  }
  await endPrograms(state)
  return undefined
}

type Prepared = Pick<Starting, 'plane' | 'node'>

async function prepare(directory: string, { name, assets, node, signal }: SandboxUpOptions): Promise<Prepared> {
  await mkdir(join(directory, 'logs'), { mode: 0o700 })
  const slot = node === undefined ? undefined : await takeSlot(signal)
  // Without a node nobody sees these addresses, so all sandboxes may have the same.
  const { serviceRange, serviceAddress, gateway } = slot ?? slotOf(0)
  const certificates = await writeCertificates(certificatesDirectory(directory), {
    now: new Date(),
    addresses: [serviceAddress, gateway],
  })
  const [etcd, etcdPeer, apiServer, controllerManager, ...more] = (await freePorts(7)) as SevenPorts
  const kubeconfigPath = join(directory, 'kubeconfig')
  await writeKubeconfig(kubeconfigPath, {
    name: `lifeboat-${name}`,
    server: `https://127.0.0.1:${apiServer}`,
    authorityFile: certificates.authority.cert,
    client: certificates.admin,
  })
  const ports = { etcd, etcdPeer, apiServer, controllerManager }
  const plane = { directory, assets, ports, certificates, kubeconfigPath, serviceRange }
  if (slot === undefined || node === undefined) return { plane, node: undefined }
  return { plane, node: await prepareNode(plane, { slot, assets: node, ports: more }) }
}

type SevenPorts = [number, number, number, number, number, number, number]

async function prepareNode(
  { directory, ports: { apiServer }, certificates }: ControlPlane,
  { slot, assets, ports }: { slot: NodeSlot; assets: NodeAssets; ports: [number, number, number] },
): Promise<NodePlan> {
  const [scheduler, kubelet, kubeletHealth] = ports
  await mkdir(join(directory, 'node'), { mode: 0o700 })
  return {
    slot,
    directory: join(directory, 'node'),
    logsDirectory: join(directory, 'logs'),
    tools: assets.tools,
    programs: assets,
    ports: { scheduler, kubelet, kubeletHealth, apiServer },
    authorityFile: certificates.authority.cert,
  }
}

async function start({ plane, node }: Prepared, options: SandboxUpOptions): Promise<Sandbox> {
  const state = firstState({ plane, node }, options.name, await ownIdentity())
  await writeState(plane.directory, state)
  const started: Starting['started'] = []
  try {
    await startAll({ plane, node, state, started, signal: options.signal, progress: options.progress })
    state.phase = options.owned === true ? 'owned' : 'running'
    await writeState(plane.directory, state)
    if (options.owned !== true) await Promise.all(started.map((program) => program.release()))
    return sandboxOf(plane.directory, state)
  } catch (error) {
    await Promise.all(started.map((program) => program.kill()))
    await endPrograms(state)
    // After a failure the logs are worth reading; an interruption has nothing to tell.
    if (error instanceof SandboxError && error.problem === 'aborted') await clearDirectory(plane.directory)
    throw error
  }
}

async function ownIdentity(): Promise<ProcessIdentity> {
  const identity = await identify(process.pid)
  if (identity === undefined) throw new Error('the running process cannot be identified: /proc or ps is not readable')
  return identity
}

function firstState({ plane, node }: Prepared, name: string, owner: ProcessIdentity): SandboxState {
  const traces = node && { slot: node.slot.number, tools: node.tools, busybox: join(node.tools, 'bin/busybox') }
  return {
    version: 1,
    name,
    server: `https://127.0.0.1:${plane.ports.apiServer}`,
    etcdUrl: `http://127.0.0.1:${plane.ports.etcd}`,
    kubeconfigPath: plane.kubeconfigPath,
    created: new Date().toISOString(),
    phase: 'starting',
    owner,
    programs: {},
    ...(traces && { node: traces }),
  }
}

function sandboxOf(directory: string, state: SandboxState): Sandbox {
  const pid = (name: ControlPlaneName) => state.programs[name]?.pid ?? 0
  return {
    name: state.name,
    server: state.server,
    kubeconfigPath: state.kubeconfigPath,
    stateDir: directory,
    etcdUrl: state.etcdUrl,
    pids: {
      etcd: pid('etcd'),
      'kube-apiserver': pid('kube-apiserver'),
      'kube-controller-manager': pid('kube-controller-manager'),
    },
    authority: {
      cert: join(certificatesDirectory(directory), 'ca.crt'),
      key: join(certificatesDirectory(directory), 'ca.key'),
    },
    node: openNode(state, directory),
    [Symbol.asyncDispose]: async () => {
      if (state.phase !== 'owned') return
      await endPrograms(state)
      await rm(directory, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

function certificatesDirectory(directory: string): string {
  return join(directory, 'certificates')
}
