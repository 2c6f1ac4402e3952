import type { FrozenPod } from '#archive/manifest.ts'
import type { RunLog } from '#archive/run-log.ts'
import type { CollectedItem } from '#collect/collect.ts'
import type { PodHooks } from '#hooks/backup-hooks.ts'
import { isFinished, type PodRef } from '#hooks/hook.ts'
import { runHook } from '#hooks/run-hook.ts'
import type { KubeClient } from '#kube/client.ts'
import { unlessAborted } from '#kube/unless-aborted.ts'
import { placeOf } from './place.ts'

/** A pod with hooks. */
export interface HookedPod extends PodRef {
  readonly item: CollectedItem
  readonly hooks: PodHooks
  readonly claims: readonly PodRef[]
  /** Set when a pre hook with onError Fail has failed. */
  leftOut: boolean
}

/** What groups are run with. */
export interface Quieting {
  readonly kube: KubeClient
  readonly log: RunLog
  readonly now: () => Date
  readonly take: (claims: readonly PodRef[]) => Promise<void>
  /** No pre hook is begun after it, and a snapshot not waited for; post hooks are run all the same. */
  readonly stop: AbortSignal
  /** Hears of each hook that was to be run, with the reason when it failed. */
  readonly onHook: (failure: string | undefined) => void
  /** Hears of each pod that had pre and post hooks, when its last one has ended. */
  readonly onThawed: (pod: FrozenPod) => void
}

/** Longest that a post hook is waited for after the stop: whoever stops us does not wait for ever. */
const LAST_MILLIS = 30_000

/**
 * Pre hooks of all pods in order, snapshots of all their claims, post hooks. Post hooks are run for every pod whose pre hooks were begun,
 * whatever happened. Rejects with the reason of the stop, or with the error of `take`, after that.
 */
export async function runGroup(group: readonly HookedPod[], quieting: Quieting): Promise<void> {
  const { take, stop, now } = quieting
  const begun: { pod: HookedPod; since: Date }[] = []
  try {
    for (const pod of group) {
      stop.throwIfAborted()
      begun.push({ pod, since: now() })
      await runPreHooks(pod, quieting)
    }
    stop.throwIfAborted()
    const claims = new Map(group.flatMap((pod) => pod.claims).map((claim) => [placeOf(claim), claim]))
    if (claims.size > 0) await unlessAborted(take([...claims.values()]), stop)
  } finally {
    for (const { pod, since } of begun) await thaw(pod, since, quieting)
  }
}

async function runPreHooks(pod: HookedPod, quieting: Quieting): Promise<void> {
  const { kube, log, stop, onHook } = quieting
  if (pod.hooks.pre.length === 0) return
  if (isFinished(pod.item.object)) return pod.hooks.pre.forEach(() => onHook(undefined))
  for (const [index, hook] of pod.hooks.pre.entries()) {
    const failure = await runHook(pod, hook, { kube, log, phase: 'pre', signal: stop })
    onHook(failure)
    if (failure === undefined || hook.onError !== 'Fail') continue
    pod.leftOut = true
    const { namespace, name } = pod
    log.error('Error running pre hooks for pod', { resource: 'pods', namespace, name, error: failure })
    // Velero counts those that it does not get to.
    pod.hooks.pre.slice(index + 1).forEach(() => onHook(undefined))
    return
  }
}

async function thaw(pod: HookedPod, since: Date, quieting: Quieting): Promise<void> {
  const { kube, log, stop, now, onHook, onThawed } = quieting
  const { pre, post } = pod.hooks
  if (isFinished(pod.item.object)) return post.forEach(() => onHook(undefined))
  for (const hook of post) {
    const limit = stop.aborted ? LAST_MILLIS : Number.POSITIVE_INFINITY
    const timeoutMillis = Math.min(hook.timeoutMillis ?? limit, limit)
    const bounded = { ...hook, timeoutMillis: Number.isFinite(timeoutMillis) ? timeoutMillis : undefined }
    const failure = await runHook(pod, bounded, { kube, log, phase: 'post' })
    onHook(failure)
    if (failure !== undefined && hook.onError === 'Fail') {
      post.slice(post.indexOf(hook) + 1).forEach(() => onHook(undefined))
      break
    }
  }
  if (pre.length === 0 || post.length === 0) return
  const { namespace, name } = pod
  const seconds = (now().getTime() - since.getTime()) / 1000
  log.info(`Pod stood still for ${seconds} s`, { resource: 'pods', namespace, name })
  onThawed({ namespace, name, since: since.toISOString(), seconds })
}
