import type { KubeObject, ResourceType } from '#kube/object.ts'
import type { Environment } from '#runtime/controller.ts'
import { annotationKeys } from '#api/labels.ts'
import { setTimeout as sleep } from 'node:timers/promises'

/** Why a run is not wanted any more; `reason` is a phrase for the failureReason. */
export type Withdrawn = { readonly why: 'deleted' } | { readonly why: 'cancelled'; readonly reason: string }

/** Tells when an object for which something is being done is deleted, or its end is asked for; looks until it is disposed. */
export interface Withdrawal extends AsyncDisposable {
  readonly signal: AbortSignal
  /** Undefined as long as `signal` is not aborted. */
  withdrawn(): Withdrawn | undefined
}

const LOOK_MS = 2000

/** Whether somebody asked for the end of this backup or restore, as a phrase that names who did. */
export function cancelReason({ metadata }: KubeObject): string | undefined {
  const by = metadata.annotations?.[annotationKeys.cancel]
  if (by === undefined || by === 'false') return undefined
  return by === '' || by === 'true' ? 'cancelled' : `cancelled by ${by}`
}

/** Looks at once and then every two seconds: a controller hears nothing of an object that it is working on. */
export function withdrawalOf<T extends KubeObject>(
  type: ResourceType<T>,
  object: T,
  { kube, namespace }: Environment,
): Withdrawal {
  const { name, uid } = object.metadata
  const ended = new AbortController()
  const stop = new AbortController()
  const { signal } = stop
  let withdrawn = cancelled(object)
  const end = (): void => ended.abort(new Error(`${type.kind} ${name} is not wanted any more`))
  if (withdrawn !== undefined) end()
  const lookOnce = async (): Promise<Withdrawn | undefined> => {
    const live = await kube.find(type, name, { namespace, signal })
    const isGone = live === undefined || live.metadata.uid !== uid || live.metadata.deletionTimestamp !== undefined
    return isGone ? { why: 'deleted' } : cancelled(live)
  }
  const look = async (): Promise<void> => {
    while (!signal.aborted && withdrawn === undefined) {
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined)
      // An API server that is away is the run's own trouble, and it says so better.
      if (!signal.aborted) withdrawn = await lookOnce().catch(() => undefined)
      if (withdrawn !== undefined) end()
    }
  }
  const looking = look()
  return {
    signal: ended.signal,
    withdrawn: () => withdrawn,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await looking
    },
  }
}

function cancelled(object: KubeObject): Withdrawn | undefined {
  const reason = cancelReason(object)
  return reason === undefined ? undefined : { why: 'cancelled', reason }
}
