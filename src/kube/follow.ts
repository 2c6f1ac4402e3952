import { pagesAt } from './at-version.ts'
import type { KubeClient } from './client.ts'
import { KubeError } from './error.ts'
import type { KubeObject, ResourceType } from './object.ts'

/** All objects as they are now, or one change since. */
export type Followed<T extends object = KubeObject> =
  | { readonly all: readonly T[] }
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }

/** Which objects to follow. */
export interface FollowOptions {
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  /** As of when the first look is, see `pagesAt`; default as things are now. */
  readonly version?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * All objects of a type, then every change; all of them again when the server has forgotten where the watch was. Never ends by itself:
 * rejects with KubeError when they cannot be listed or watched, or with the signal's reason.
 */
export async function* follow<T extends object>(
  kube: KubeClient,
  type: ResourceType<T>,
  { version: first, ...options }: FollowOptions,
): AsyncGenerator<Followed<T>, void, void> {
  for (let version = first; ; version = undefined) {
    try {
      const all: T[] = []
      let resourceVersion = ''
      for await (const page of pagesAt(kube, type, { ...options, version })) {
        all.push(...page.items)
        resourceVersion = page.resourceVersion
      }
      yield { all }
      for await (const event of kube.watch(type, { ...options, resourceVersion })) {
        if (event.type !== 'BOOKMARK') yield event
      }
    } catch (error) {
      if (!(error instanceof KubeError) || error.problem !== 'expired') throw error
    }
  }
}
