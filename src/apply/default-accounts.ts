import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import type { ResourceType } from '#kube/object.ts'

export const ServiceAccounts: ResourceType = {
  group: '',
  version: 'v1',
  plural: 'serviceaccounts',
  kind: 'ServiceAccount',
  namespaced: true,
}

/** The ServiceAccount `default`, which the cluster itself makes in every new namespace, a moment later. */
export interface DefaultAccounts {
  /** Resolves when `namespace` has its account, or when it is clear that nobody makes one. */
  there(namespace: string): Promise<void>
}

/** A cluster that has made no account in this time makes none, or is too busy to be waited for. */
const PATIENCE_MS = 5_000
const POLL_MS = 50

/**
 * Waits for default accounts, all namespaces in one list per look. Without it a pod is refused for want of its account,
 * and an archived `default` account would get there before the cluster's own and be counted as created.
 */
export function defaultAccounts(kube: KubeClient, { signal }: { signal?: AbortSignal | undefined }): DefaultAccounts {
  const found = new Set<string>()
  const waiting = new Map<string, { deadline: number; done: () => void; promise: Promise<void> }>()
  let looking: Promise<void> | undefined

  const settle = (namespace: string): void => {
    found.add(namespace)
    waiting.get(namespace)?.done()
    waiting.delete(namespace)
  }
  const look = async (): Promise<void> => {
    for (let pause = POLL_MS; waiting.size > 0; pause = Math.min(pause * 2, 500)) {
      const pages = kube.pages(ServiceAccounts, { fieldSelector: 'metadata.name=default', signal })
      for await (const page of pages) {
        for (const { metadata } of page.items) settle(metadata.namespace ?? '')
      }
      for (const [namespace, { deadline }] of waiting) if (Date.now() > deadline) settle(namespace)
      if (waiting.size > 0) await sleep(pause, undefined, { signal })
    }
  }
  const lookOnce = async (): Promise<void> => {
    try {
      await look()
    } catch {
      // Not allowed to list, or aborted: nobody waits any longer, and the creates that follow say what is wrong.
      for (const namespace of waiting.keys()) settle(namespace)
    } finally {
      // Somebody may have come after the last look.
      looking = waiting.size > 0 ? lookOnce() : undefined
    }
  }

  return {
    async there(namespace) {
      if (found.has(namespace)) return
      let entry = waiting.get(namespace)
      if (entry === undefined) {
        const { promise, resolve } = Promise.withResolvers<void>()
        entry = { deadline: Date.now() + PATIENCE_MS, done: resolve, promise }
        waiting.set(namespace, entry)
      }
      looking ??= lookOnce()
      await entry.promise
    },
  }
}
