import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeCertificates } from './certificates.ts'
import { commandLine, type ControlPlane, type ControlPlaneAssets, type ControlPlaneName } from './control-plane.ts'
import { SandboxError, throwIfAborted } from './error.ts'
import { tryLock } from './file-lock.ts'
import { freePorts, isFree } from './free-port.ts'
import { writeKubeconfig } from './kubeconfig.ts'
import { openProbe, type Probe } from './probe.ts'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'
import { startProgram, type RunningProgram } from './program.ts'
import { awaitReady } from './readiness.ts'
import { endPrograms } from './sandbox-end.ts'
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
}

/** `starting` when a program has been started, `ready` when it answers. */
export interface SandboxProgress {
  step: 'starting' | 'ready'
  program: ControlPlaneName
  elapsedMs: number
}

export interface SandboxUpOptions {
  /** A DNS label; several sandboxes live side by side under different names. */
  name: string
  /** State folder, as `stateHome` gives it. */
  home: string
  assets: ControlPlaneAssets
  /** True: the sandbox ends with this process, however that ends. False: it runs until `sandboxDown`. Default false. */
  owned?: boolean | undefined
  signal?: AbortSignal | undefined
  progress?: ((event: SandboxProgress) => void) | undefined
}

// A port that was free when asked for may be taken a moment later; thrice in a row is not chance.
const attempts = 3

/**
 * Starts etcd, kube-apiserver and kube-controller-manager on free ports of 127.0.0.1 and returns when they work.
 * A sandbox of that name that already runs is returned as it is; what a dead run left is ended and cleared first.
 * Rejects with SandboxError; then nothing that it started is left running. Disposing an owned sandbox ends and removes it.
 */
export async function sandboxUp(options: SandboxUpOptions): Promise<Sandbox> {
  const directory = sandboxDirectory(options.home, options.name)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await using _lock = await lockSandbox(directory, options.name)
  const running = await reuseOrClear(directory, options)
  if (running !== undefined) return running
  for (let attempt = 1; ; attempt++) {
    throwIfAborted(options.signal, `starting sandbox ${options.name}`)
    await clearDirectory(directory)
    const plane = await prepare(directory, options)
    try {
      return await start(plane, options)
    } catch (error) {
      const taken = (await Promise.all(Object.values(plane.ports).map(isFree))).includes(false)
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

async function reuseOrClear(directory: string, { name, owned }: SandboxUpOptions): Promise<Sandbox | undefined> {
  const state = await readState(directory)
  if (state === undefined) return undefined
  if (state.phase === 'owned' && (await isAlive(state.owner))) {
    throw new SandboxError('name-taken', `sandbox ${name} belongs to process ${state.owner.pid}, which still runs`)
  }
  const programs = Object.values(state.programs)
  if (state.phase === 'running' && (await Promise.all(programs.map(isAlive))).every(Boolean)) {
    if (owned !== true) return sandboxOf(directory, state)
    throw new SandboxError('name-taken', `sandbox ${name} already runs; end it first (sandbox down)`)
  }
  await endPrograms(state)
  return undefined
}

async function prepare(directory: string, { name, assets }: SandboxUpOptions): Promise<ControlPlane> {
  await mkdir(join(directory, 'logs'), { mode: 0o700 })
  const certificates = await writeCertificates(certificatesDirectory(directory), new Date())
  const [etcd, etcdPeer, apiServer, controllerManager] = (await freePorts(4)) as [number, number, number, number]
  const kubeconfigPath = join(directory, 'kubeconfig')
  await writeKubeconfig(kubeconfigPath, {
    name: `lifeboat-${name}`,
    server: `https://127.0.0.1:${apiServer}`,
    authorityFile: certificates.authority.cert,
    client: certificates.admin,
  })
  return { directory, assets, ports: { etcd, etcdPeer, apiServer, controllerManager }, certificates, kubeconfigPath }
}

async function start(plane: ControlPlane, options: SandboxUpOptions): Promise<Sandbox> {
  const began = performance.now()
  const state = firstState(plane, options.name, await ownIdentity())
  await writeState(plane.directory, state)
  const started: RunningProgram[] = []
  using probe = await openProbe(plane.certificates.authority.cert, plane.certificates.admin)
  try {
    // etcd comes up while the API server loads; the controller manager gives up on an API server that is not there.
    for (const group of [['etcd', 'kube-apiserver'], ['kube-controller-manager']] as const) {
      for (const name of group) {
        const program = await startProgram(commandLine(name, plane))
        started.push(program)
        state.programs[name] = program.identity
        await writeState(plane.directory, state)
        options.progress?.({ step: 'starting', program: name, elapsedMs: performance.now() - began })
      }
      await ready(group, { plane, started, probe, options, began })
    }
    state.phase = options.owned === true ? 'owned' : 'running'
    await writeState(plane.directory, state)
    if (options.owned !== true) await Promise.all(started.map((program) => program.release()))
    return sandboxOf(plane.directory, state)
  } catch (error) {
    await Promise.all(started.map((program) => program.kill()))
    // After a failure the logs are worth reading; an interruption has nothing to tell.
    if (error instanceof SandboxError && error.problem === 'aborted') await clearDirectory(plane.directory)
    throw error
  }
}

interface Starting {
  plane: ControlPlane
  started: RunningProgram[]
  probe: Probe
  options: SandboxUpOptions
  began: number
}

async function ready(group: readonly ControlPlaneName[], starting: Starting): Promise<void> {
  const { plane, started, probe, options, began } = starting
  const { apiServer, controllerManager } = plane.ports
  const report = (program: ControlPlaneName) =>
    options.progress?.({ step: 'ready', program, elapsedMs: performance.now() - began })
  const wait = (what: string, question: () => Promise<boolean>) =>
    awaitReady(question, { what, programs: started, signal: options.signal })
  if (group.includes('kube-apiserver')) {
    await wait('kube-apiserver', () => probe.answers(apiServer, '/readyz'))
    report('etcd')
    report('kube-apiserver')
  } else {
    await wait('kube-controller-manager', () => probe.answers(controllerManager, '/healthz'))
    // Until this object is there, no pod or namespace of a user can be complete.
    const account = '/api/v1/namespaces/default/serviceaccounts/default'
    await wait('the default ServiceAccount', () => probe.answers(apiServer, account))
    report('kube-controller-manager')
  }
}

async function ownIdentity(): Promise<ProcessIdentity> {
  const identity = await identify(process.pid)
  if (identity === undefined) throw new Error('the running process cannot be identified: /proc or ps is not readable')
  return identity
}

function firstState(plane: ControlPlane, name: string, owner: ProcessIdentity): SandboxState {
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
