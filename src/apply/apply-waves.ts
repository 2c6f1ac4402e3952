import type { OwnRestore } from '#items/existing.ts'
import type { KubeClient } from '#kube/client.ts'
import type { Target } from './apply-task.ts'
import { customTypes } from './custom-types.ts'
import { defaultAccounts } from './default-accounts.ts'
import { liveObjects } from './live-objects.ts'
import { targetNamespaces } from './namespaces.ts'
import type { NamespaceOptions } from './namespaces.ts'
import type { Outcome } from './outcome.ts'
import { type ExtraObject, removeExtras } from './extra-object.ts'
import { type Pace, adaptivePace } from './pace.ts'
import { inParallel } from './parallel.ts'
import { rehearsedTarget } from './rehearsal.ts'
import { type TaskRunner, taskRunner } from './task-runner.ts'
import type { Task, Wave } from './task.ts'

export interface ApplyOptions {
  kube: KubeClient
  /** What happens to objects that are there already: `spec.existingResourcePolicy`, or `recreate`. */
  policy?: string | undefined
  /** Set when live objects that are kept by Git are left alone: the names of the Argo CD Applications there are. */
  leavesToGit?: ReadonlySet<string> | undefined
  /** Set when an earlier run of this restore was cut off: what it made is finished instead of being taken for somebody else's. */
  resumes?: OwnRestore | undefined
  /** How a namespace that is missing in the cluster is to be made. */
  namespaceManifest: NamespaceOptions['manifest']
  /** How long a namespace that is being deleted is waited for, in milliseconds; default ten minutes, as Velero. */
  namespacePatience?: number | undefined
  /** How long an object that is recreated may take to be gone, in milliseconds; default ten minutes. */
  deletionPatience?: number | undefined
  /** How long a new custom type may take until it is served, in milliseconds; default ten minutes, as Velero. */
  typePatience?: number | undefined
  /** Asked when all waves are done: what is in the cluster and not among the waves, to be deleted. */
  extras?: (() => AsyncIterable<ExtraObject>) | undefined
  /** True: nothing is written and nothing waited for; the outcomes are what would become of each object. */
  rehearses?: boolean | undefined
  signal?: AbortSignal | undefined
}

const TEN_MINUTES_MS = 600_000

/**
 * Puts objects into the cluster, wave after wave, and gives what became of each as it happens. Objects that must wait for
 * something slow (a namespace that is being deleted, a custom type that is not served yet) come after all others instead
 * of holding them up. Rejects with KubeError when the cluster cannot be worked with, or with the signal's reason.
 */
export async function* applyWaves(
  waves: Iterable<Wave>,
  options: ApplyOptions,
): AsyncGenerator<Outcome, void, undefined> {
  const { signal } = options
  const end = new AbortController()
  // Nothing is watched any longer than somebody may wait for it.
  const whileRunning = signal === undefined ? end.signal : AbortSignal.any([signal, end.signal])
  const target = await targetOf(options, whileRunning)
  let errors = 0
  try {
    for await (const outcome of allWaves(waves, target)) {
      errors += outcome.remarks.filter(({ severity }) => severity === 'error').length
      yield outcome
    }
    if (options.extras !== undefined) yield* removeExtras(options.extras(), { target, errors })
  } finally {
    end.abort()
  }
}

async function* allWaves(waves: Iterable<Wave>, target: Target): AsyncGenerator<Outcome, void, undefined> {
  const { namespaces, types, live, pace, signal } = target
  const runner = taskRunner(target)

  const gateOf = (task: Task): Promise<void> | undefined =>
    types.gate(task.resource) ?? namespaces.gate(task.resource === 'namespaces' ? task.name : (task.namespace ?? ''))
  try {
    for (let left: Iterable<Wave> = waves; ;) {
      const late: Task[][] = []
      for (const wave of left) {
        const waiting: Task[] = []
        yield* runWave(ready(wave, gateOf, waiting), { runner, pace, signal })
        if (waiting.length > 0) late.push(waiting)
        await live.forget()
      }
      if (late.length === 0) break
      const gates = new Set(late.flat().map(gateOf))
      // A gate that opened meanwhile is undefined, and lets its tasks go at once.
      await Promise.race([...gates].map((gate) => gate ?? Promise.resolve()))
      left = late
    }
  } finally {
    await live.forget()
  }
}

async function targetOf(
  { kube, policy, resumes, leavesToGit, signal, ...options }: ApplyOptions,
  whileRunning: AbortSignal,
): Promise<Target> {
  const pace = adaptivePace()
  const manifest = options.namespaceManifest
  const deletionPatience = options.deletionPatience ?? TEN_MINUTES_MS
  const common = { pace, policy, resumes, leavesToGit, deletionPatience, signal }
  if (options.rehearses === true) {
    const live = liveObjects(kube, { signal, listsFirst: () => true })
    return { ...common, ...(await rehearsedTarget(kube, { manifest, signal })), live }
  }
  const patience = options.namespacePatience ?? TEN_MINUTES_MS
  const namespaces = await targetNamespaces(kube, { manifest, patience, resumes, signal: whileRunning })
  const types = customTypes(kube, { patience: options.typePatience ?? TEN_MINUTES_MS, signal: whileRunning })
  // In what was there before the restore there may be anything.
  const live = liveObjects(kube, { signal, listsFirst: ({ namespace = '' }) => !namespaces.isNew(namespace) })
  const accounts = defaultAccounts(kube, { signal })
  return { ...common, kube, namespaces, types, live, accounts }
}

/** The tasks of `wave` that need not wait; the others are put into `waiting`. */
function* ready(wave: Wave, gateOf: (task: Task) => Promise<void> | undefined, waiting: Task[]): Iterable<Task> {
  for (const task of wave) {
    if (gateOf(task) === undefined) yield task
    else waiting.push(task)
  }
}

async function* runWave(
  wave: Iterable<Task>,
  { runner, pace, signal }: { runner: TaskRunner; pace: Pace; signal: AbortSignal | undefined },
): AsyncIterable<Outcome> {
  const outcomes = inParallel(
    wave,
    (task) => {
      signal?.throwIfAborted()
      return runner.run(task)
    },
    () => pace.width,
  )
  for await (const batch of outcomes) yield* batch
}
