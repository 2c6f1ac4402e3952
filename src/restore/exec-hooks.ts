import { parseDuration } from '#api/duration.ts'
import { labelKeys, labelValue } from '#api/labels.ts'
import type { Restore } from '#api/restore.ts'
import type { RunLog } from '#archive/run-log.ts'
import type { HookCounts } from '#hooks/hook-counts.ts'
import { type PodWatch, watchPods } from '#hooks/pod-watch.ts'
import { type FailedHook, runRestoredHooks } from '#hooks/restored-pod.ts'
import type { KubeClient } from '#kube/client.ts'
import type { HookedPod } from './archived-task.ts'

/** The commands of one restore, run in its pods while the rest is still being restored. */
export interface ExecHooks extends AsyncDisposable {
  /** For a pod that was just made. */
  start(hooked: HookedPod): void
  /** Waits for all that were started; tells of each failure. Rejects only with the signal's reason. */
  settle(failed: (failure: { pod: HookedPod['pod']; message: string }) => void): Promise<void>
  readonly counts: HookCounts
}

export interface ExecHookOptions {
  readonly restore: Restore
  readonly kube: KubeClient
  readonly log: RunLog
  /** Longest time to wait for a container, in milliseconds; default the item operation timeout of the restore. */
  readonly patience?: number | undefined
  readonly signal?: AbortSignal | undefined
}

const FOUR_HOURS_MS = 4 * 3_600_000

/** Asks the cluster nothing before the first pod. Dispose ends the waiting; a command that runs goes on. */
export function openExecHooks(options: ExecHookOptions): ExecHooks {
  const { restore, kube, log, signal: outer } = options
  const ended = new AbortController()
  const signal = outer === undefined ? ended.signal : AbortSignal.any([outer, ended.signal])
  const patienceMillis = options.patience ?? (parseDuration(restore.spec.itemOperationTimeout || '0') || FOUR_HOURS_MS)
  const labelSelector = `${labelKeys.restoreName}=${labelValue(restore.metadata.name)}`
  const watches = new Map<string, PodWatch>()
  const running: Promise<readonly FailedHook[]>[] = []
  let attempted = 0
  let failedCount = 0

  const watchOf = (namespace: string): PodWatch => {
    const watch = watches.get(namespace) ?? watchPods(kube, { namespace, labelSelector, signal })
    watches.set(namespace, watch)
    return watch
  }
  return {
    start({ pod, hooks }) {
      if (hooks.length === 0) return
      attempted += hooks.length
      const work = runRestoredHooks(pod, hooks, { kube, log, watch: watchOf(pod.namespace), patienceMillis, signal })
      // Seen when all are settled; until then it must not count as unhandled.
      work.catch(() => undefined)
      running.push(work)
    },
    async settle(failed) {
      for (const { pod, hook, reason } of (await Promise.all(running)).flat()) {
        failedCount += 1
        const { namespace, name } = pod
        failed({
          pod,
          message: `hook ${hook.name} in container ${hook.container} of pods/${namespace}/${name}: ${reason}`,
        })
      }
    },
    get counts() {
      return { hooksAttempted: attempted, hooksFailed: failedCount }
    },
    async [Symbol.asyncDispose]() {
      ended.abort(new Error('the restore has ended'))
      await Promise.allSettled(running)
    },
  }
}
