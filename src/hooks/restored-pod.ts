import type { KubeObject } from '#kube/object.ts'
import { isFinished, type PodRef } from './hook.ts'
import type { PodWatch } from './pod-watch.ts'
import type { RestoredHook } from './restore-hooks.ts'
import { type HookRun, runHook } from './run-hook.ts'

/** A timer that is set to more goes off at once. */
const LONGEST_TIMER_MILLIS = 2 ** 31 - 1

/** What the hooks of one restored pod are run with. */
export interface RestoredPodRun extends Omit<HookRun, 'phase' | 'signal'> {
  readonly watch: PodWatch
  /** Longest time to wait for a container, whatever the hooks say. */
  readonly patienceMillis: number
  readonly signal: AbortSignal
}

/** A hook that failed, and why. */
export interface FailedHook {
  readonly pod: PodRef
  readonly hook: RestoredHook
  readonly reason: string
}

/**
 * Waits for each container that has hooks and runs them in it, one after the other; containers do not wait for each other. After the failure
 * of a hook with onError Fail all that have not begun fail. Gives every failure; rejects only with the signal's reason.
 */
export async function runRestoredHooks(
  pod: PodRef,
  hooks: readonly RestoredHook[],
  run: RestoredPodRun,
): Promise<FailedHook[]> {
  const failures: FailedHook[] = []
  const stop = new AbortController()
  const fail = (hook: RestoredHook, reason: string): void => {
    failures.push({ pod, hook, reason })
    if (hook.onError === 'Fail') stop.abort(new Error(`hook ${hook.name} of the pod failed`))
  }
  const byContainer = Map.groupBy(hooks, ({ container }) => container)
  await Promise.all(
    [...byContainer.values()].map((own) => runInContainer(pod, own, { ...run, stopped: stop.signal, fail })),
  )
  return failures
}

interface ContainerRun extends RestoredPodRun {
  readonly stopped: AbortSignal
  readonly fail: (hook: RestoredHook, reason: string) => void
}

async function runInContainer(pod: PodRef, hooks: readonly RestoredHook[], run: ContainerRun): Promise<void> {
  const { signal, stopped, fail } = run
  const began = performance.now()
  const unfit = hooks.filter(({ problem }) => problem !== undefined)
  for (const hook of unfit) fail(hook, hook.problem ?? '')
  const fit = hooks.filter(({ problem }) => problem === undefined)
  const trouble = fit.length === 0 ? undefined : await untilUp(pod, fit, run)
  const waited = performance.now() - began
  for (const hook of fit) {
    const late = hook.waitMillis !== undefined && waited > hook.waitMillis
    if (stopped.aborted) fail(hook, `not run: ${(stopped.reason as Error).message}`)
    else if (trouble !== undefined) fail(hook, trouble)
    else if (late) fail(hook, `not run: its container was not up within ${seconds(hook.waitMillis ?? 0)}`)
    else {
      const reason = await runHook(pod, hook, { ...run, phase: 'post', signal })
      if (reason !== undefined) fail(hook, reason)
    }
  }
}

/** Why the container did not come up; undefined when it did. */
async function untilUp(
  pod: PodRef,
  hooks: readonly RestoredHook[],
  { watch, patienceMillis, signal, stopped }: ContainerRun,
): Promise<string | undefined> {
  const [{ container } = { container: '' }] = hooks
  const waitsForReady = hooks.some((hook) => hook.waitsForReady)
  const limit = Math.min(patienceMillis, Math.max(...hooks.map(({ waitMillis }) => waitMillis ?? patienceMillis)))
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), Math.min(limit, LONGEST_TIMER_MILLIS))
  const question = (object: KubeObject | undefined): ContainerState | undefined => {
    const state = containerState(object, container, waitsForReady)
    return state === 'not-yet' ? undefined : state
  }
  try {
    const state = await watch.until(pod.name, question, AbortSignal.any([signal, stopped, deadline.signal]))
    return state === 'up' ? undefined : `not run: the pod is ${state}`
  } catch (error) {
    signal.throwIfAborted()
    if (deadline.signal.aborted) {
      return `not run: its container was not ${waitsForReady ? 'ready' : 'running'} within ${seconds(limit)}`
    }
    return stopped.aborted ? 'not run' : `not run: ${(error as Error).message}`
  } finally {
    clearTimeout(timer)
  }
}

/** Whether a command can be run in a container. */
export type ContainerState = 'up' | 'not-yet' | 'finished' | 'gone'

interface PodStatus {
  containerStatuses?: { name: string; ready?: boolean; state?: { running?: object | null } | null }[] | null
}

/** How a container of a live pod stands; `up` means ready when `waitsForReady`, else running. */
export function containerState(pod: KubeObject | undefined, container: string, waitsForReady: boolean): ContainerState {
  if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return 'gone'
  if (isFinished(pod)) return 'finished'
  const { containerStatuses } = (pod as { status?: PodStatus }).status ?? {}
  const status = containerStatuses?.find(({ name }) => name === container)
  const isUp = waitsForReady ? status?.ready === true : Boolean(status?.state?.running)
  return isUp ? 'up' : 'not-yet'
}

function seconds(millis: number): string {
  return `${Math.round(millis / 100) / 10} s`
}
