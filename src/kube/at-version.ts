import type { KubeClient, ListOptions, Page } from './client.ts'
import { KubeError } from './error.ts'
import type { KubeObject, ResourceType } from './object.ts'

/** What to list, and as of when: a resourceVersion that is known to be new enough, or undefined for things as they are now. */
export interface AtVersion extends Pick<ListOptions, 'namespace' | 'labelSelector' | 'signal'> {
  readonly version: string | undefined
}

/**
 * Every page at `version`, or as things are now where that cannot be had any more. A server that lists the newest from its cache waits until the cache is known to have
 * it, a tenth of a second for types that seldom change; a version that is known need not be waited for.
 */
export async function* pagesAt<T extends object = KubeObject>(
  kube: KubeClient,
  type: ResourceType<T>,
  { version, ...options }: AtVersion,
): AsyncGenerator<Page<T>, void, void> {
  let begun = false
  try {
    if (version !== undefined && version !== '') {
      const exactly = { ...options, resourceVersion: version, resourceVersionMatch: 'Exact' } as const
      for await (const page of kube.pages(type, exactly)) {
        begun = true
        yield page
      }
      return
    }
  } catch (error) {
    if (begun || !isAboutVersion(error)) throw error
  }
  yield* kube.pages(type, options)
}

/** All objects of these pages. */
export async function allAt<T extends object = KubeObject>(
  kube: KubeClient,
  type: ResourceType<T>,
  options: AtVersion,
): Promise<T[]> {
  return (await Array.fromAsync(pagesAt(kube, type, options))).flatMap(({ items }) => items)
}

/** It is too old, or the server lists nothing at a version: one that refuses anything else does so again without it. */
function isAboutVersion(error: unknown): boolean {
  return error instanceof KubeError && ['expired', 'invalid', 'unsupported'].includes(error.problem)
}
