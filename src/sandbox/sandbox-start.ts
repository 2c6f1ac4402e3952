import { loadKubeConfig } from '#kube/config.ts'
import { connect } from '#kube/connect.ts'
import { commandLine, type ControlPlane, type ControlPlaneName } from './control-plane.ts'
import { startNode } from './node.ts'
import type { NodePlan } from './node-config.ts'
import { holdSlot } from './node-slot.ts'
import { openProbe, type Probe } from './probe.ts'
import type { ProcessIdentity } from './process-identity.ts'
import { startProgram, type ProgramOptions, type RunningProgram } from './program.ts'
import { awaitReady } from './readiness.ts'
import { writeState, type ProgramName, type SandboxState } from './sandbox-state.ts'

/** `starting` when a program has been started, `ready` when it answers. */
export interface SandboxProgress {
  step: 'starting' | 'ready'
  program: ProgramName | 'node'
  elapsedMs: number
}

/** A sandbox whose programs are being started. */
export interface Starting {
  plane: ControlPlane
  /** Undefined for a sandbox without a node. */
  node: NodePlan | undefined
  /** Written to disk with every program that is started. */
  state: SandboxState
  /** Every program so far. */
  started: RunningProgram[]
  signal?: AbortSignal | undefined
  progress?: ((event: SandboxProgress) => void) | undefined
}

/** Starts all programs and returns when they work. On a failure what was started goes on running: the caller ends it. */
export async function startAll(starting: Starting): Promise<void> {
  const began = performance.now()
  const { plane, node } = starting
  const run: Run = {
    ...starting,
    report: (step, program) => starting.progress?.({ step, program, elapsedMs: performance.now() - began }),
    wait: (what, question) => awaitReady(question, { what, programs: starting.started, signal: starting.signal }),
  }
  using probe = await openProbe(plane.certificates.authority.cert, plane.certificates.admin)
  // etcd comes up while the API server loads; the controller manager gives up on an API server that is not there.
  for (const group of [['etcd', 'kube-apiserver'], ['kube-controller-manager']] as const) {
    for (const name of group) await launch(run, { ...commandLine(name, plane), name })
    await ready(group, { run, probe })
  }
  if (node !== undefined) await withNode(run, node)
}

interface Run extends Starting {
  report: (step: SandboxProgress['step'], program: SandboxProgress['program']) => void
  wait: (what: string, question: () => Promise<boolean>) => Promise<void>
}

async function launch(run: Run, options: ProgramOptions & { name: ProgramName }): Promise<ProcessIdentity> {
  const program = await startProgram(options)
  run.started.push(program)
  run.state.programs[options.name] = program.identity
  await writeState(run.plane.directory, run.state)
  run.report('starting', options.name)
  return program.identity
}

async function ready(group: readonly ControlPlaneName[], { run, probe }: { run: Run; probe: Probe }): Promise<void> {
  const { apiServer, controllerManager } = run.plane.ports
  if (group.includes('kube-apiserver')) {
    await run.wait('kube-apiserver', () => probe.answers(apiServer, '/readyz'))
    run.report('ready', 'etcd')
    run.report('ready', 'kube-apiserver')
  } else {
    await run.wait('kube-controller-manager', () => probe.answers(controllerManager, '/healthz'))
    // Until this object is there, no pod or namespace of a user can be complete.
    const account = '/api/v1/namespaces/default/serviceaccounts/default'
    await run.wait('the default ServiceAccount', () => probe.answers(apiServer, account))
    run.report('ready', 'kube-controller-manager')
  }
}

async function withNode(run: Run, plan: NodePlan): Promise<void> {
  const { plane, state } = run
  const kube = connect(await loadKubeConfig({ env: {}, home: '/', kubeconfig: plane.kubeconfigPath }))
  try {
    await startNode({
      plan,
      certificates: plane.certificates,
      kubeconfigPath: plane.kubeconfigPath,
      kube,
      launch: (options) => launch(run, options),
      wait: run.wait,
      begun: async (init) => {
        if (state.node !== undefined) state.node.init = init
        await writeState(plane.directory, state)
        await holdSlot(plan.slot, init)
      },
    })
    run.report('ready', 'node')
  } finally {
    await kube.close()
  }
}
