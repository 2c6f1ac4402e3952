import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { setTimeout as sleep } from 'node:timers/promises'

const ATTEMPTS = 6
const FIRST_PAUSE_MS = 500

/**
 * Merges `change` into an object, and tries again for about half a minute: the end of hours of work must not be lost to a short
 * absence of the API server. Resolves to undefined when the object is gone, which ends the matter. With a resourceVersion in
 * `change` it rejects with KubeError 'conflict' when somebody else has written meanwhile.
 */
export async function patchLasting<T extends KubeObject>(
  kube: KubeClient,
  type: ResourceType<T>,
  object: { name: string; namespace: string; change: object },
): Promise<T | undefined> {
  const { name, namespace, change } = object
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await kube.patch(type, name, { merge: change }, { namespace })
    } catch (error) {
      if (error instanceof KubeError && error.problem === 'not-found') return undefined
      if (attempt === ATTEMPTS || !isPassing(error)) throw error
      await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1))
    }
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof KubeError && ['unreachable', 'busy', 'server'].includes(error.problem)
}

/** Writes the progress of one run. */
export interface ProgressPatcher {
  report(progress: object): void
  /** Resolves when no patch is under way any more. */
  settle(): Promise<void>
}

const QUIET_MS = 1000

/** Sends progress at most once a second and never two patches at once; a patch that fails is not missed (spec/backup §4.6). */
export function progressPatcher(patch: (progress: object) => Promise<unknown>): ProgressPatcher {
  let last = Number.NEGATIVE_INFINITY
  let running: Promise<unknown> | undefined
  return {
    report(progress) {
      if (running !== undefined || performance.now() - last < QUIET_MS) return
      last = performance.now()
      running = patch(progress)
        .catch(() => undefined)
        .finally(() => (running = undefined))
    },
    async settle() {
      await running
    },
  }
}
