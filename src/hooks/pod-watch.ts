import { Pods } from '#kube/core-types.ts'
import type { KubeClient } from '#kube/client.ts'
import { follow } from '#kube/follow.ts'
import type { KubeObject } from '#kube/object.ts'

/** Follows the pods of one namespace, in one watch however many are waited for. */
export interface PodWatch {
  /**
   * Asks `question` of the pod now and whenever it changes (undefined: it is gone) until there is an answer. Rejects with the signal's
   * reason, or with KubeError when the pods cannot be followed.
   */
  until<T>(name: string, question: (pod: KubeObject | undefined) => T | undefined, signal: AbortSignal): Promise<T>
}

interface Watched {
  readonly namespace: string
  readonly labelSelector: string
  readonly signal: AbortSignal
}

/** Nothing is asked before somebody waits; ends with `signal`. Pods without the labels are not followed. */
export function watchPods(kube: KubeClient, watched: Watched): PodWatch {
  const pods = new Map<string, KubeObject>()
  const listeners = new Set<(failure?: Error) => void>()
  let following: Promise<void> | undefined
  let listed = false
  const tell = (failure?: Error): void => {
    for (const listener of listeners) listener(failure)
  }
  const noteChanges = async (): Promise<void> => {
    for await (const change of follow(kube, Pods, watched)) {
      if ('all' in change) {
        pods.clear()
        for (const pod of change.all) pods.set(pod.metadata.name, pod)
        listed = true
      } else if (change.type === 'DELETED') pods.delete(change.object.metadata.name)
      else pods.set(change.object.metadata.name, change.object)
      tell()
    }
  }
  const start = (): void => {
    following ??= noteChanges().catch((error: unknown) => {
      // Whoever waits next tries once more.
      following = undefined
      listed = false
      tell(error as Error)
    })
  }
  return {
    async until(name, question, signal) {
      signal.throwIfAborted()
      // The watch may be behind the one who made the pod.
      const { namespace } = watched
      const made = listed && !pods.has(name) ? await kube.find(Pods, name, { namespace, signal }) : undefined
      if (made !== undefined && !pods.has(name)) pods.set(name, made)
      const { promise, resolve, reject } = Promise.withResolvers<NonNullable<ReturnType<typeof question>>>()
      const listener = (failure?: Error): void => {
        if (failure !== undefined) return reject(failure)
        const answer = listed ? question(pods.get(name)) : undefined
        if (answer !== undefined) resolve(answer as NonNullable<typeof answer>)
      }
      const onAbort = (): void => reject(signal.reason as Error)
      listeners.add(listener)
      signal.addEventListener('abort', onAbort, { once: true })
      try {
        listener()
        start()
        return await promise
      } finally {
        listeners.delete(listener)
        signal.removeEventListener('abort', onAbort)
      }
    },
  }
}
