import { setTimeout as sleep } from 'node:timers/promises'
import { PersistentVolumeClaims, StorageClasses } from '#kube/core-types.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { VolumeSnapshots } from './snapshot-types.ts'

/** A claim that is made from a snapshot. */
export interface FilledClaim {
  readonly namespace: string
  readonly name: string
  readonly snapshot: string
}

/** What came of it. */
export type FilledState =
  | { readonly is: 'bound'; readonly volume: string }
  /** Its class makes volumes for the first pod, and none has come. */
  | { readonly is: 'unused' }
  | { readonly is: 'stuck'; readonly reason: string }

export interface FollowOptions {
  readonly kube: KubeClient
  /** Finds claims and snapshots, by their labels. */
  readonly labelSelector: string
  /** How long a claim may take, in milliseconds; one that waits for its first pod a tenth of it. */
  readonly patienceMillis: number
  readonly signal?: AbortSignal | undefined
}

const LOOK_MS = 2000
/** A driver may say an error at first. */
const ERROR_PATIENCE_MS = 20_000

/** Follows claims until each is bound or given up, by a list for all of them. Calls `onEnd` once for each. Rejects with KubeError or the signal's reason. */
export async function followClaims(
  claims: readonly FilledClaim[],
  options: FollowOptions & { readonly onEnd: (claim: FilledClaim, state: FilledState) => Promise<void> },
): Promise<void> {
  const { kube, labelSelector, patienceMillis, signal, onEnd } = options
  const left = new Map(claims.map((claim) => [`${claim.namespace}/${claim.name}`, claim]))
  const since = performance.now()
  const errorSince = new Map<string, number>()
  let lazy: ReadonlySet<string> | undefined
  for (;;) {
    const live = await byPlace(kube, PersistentVolumeClaims, { labelSelector, signal })
    for (const [key, claim] of left) {
      const volume = boundVolume(live.get(key))
      if (volume === undefined) continue
      left.delete(key)
      await onEnd(claim, { is: 'bound', volume })
    }
    if (left.size === 0) return
    const snapshots = await byPlace(kube, VolumeSnapshots, { labelSelector, signal })
    lazy ??= await lazyClasses(kube, signal)
    const waited = performance.now() - since
    for (const [key, claim] of left) {
      const error = errorOf(snapshots.get(`${claim.namespace}/${claim.snapshot}`))
      if (error === undefined) errorSince.delete(key)
      else if (!errorSince.has(key)) errorSince.set(key, performance.now())
      const errorFor = performance.now() - (errorSince.get(key) ?? performance.now())
      const state = unboundState(live.get(key), { error, errorFor, waited, patienceMillis, lazy })
      if (state === undefined) continue
      left.delete(key)
      await onEnd(claim, state)
    }
    if (left.size === 0) return
    await sleep(LOOK_MS, undefined, { signal })
  }
}

function unboundState(
  claim: KubeObject | undefined,
  facts: {
    error: string | undefined
    errorFor: number
    waited: number
    patienceMillis: number
    lazy: ReadonlySet<string>
  },
): FilledState | undefined {
  const { error, errorFor, waited, patienceMillis, lazy } = facts
  if (claim === undefined) return { is: 'stuck', reason: 'somebody deleted the claim' }
  if (error !== undefined && errorFor >= Math.min(ERROR_PATIENCE_MS, patienceMillis))
    return { is: 'stuck', reason: `its snapshot cannot be used: ${error}` }
  const spec = claim['spec'] as { storageClassName?: string } | undefined
  const awaitsPod =
    lazy.has(spec?.storageClassName ?? '') &&
    claim.metadata.annotations?.['volume.kubernetes.io/selected-node'] === undefined
  if (awaitsPod && waited >= patienceMillis / 10) return { is: 'unused' }
  if (waited < patienceMillis) return undefined
  return { is: 'stuck', reason: `it was not bound within ${Math.round(patienceMillis / 1000)} s` }
}

function boundVolume(claim: KubeObject | undefined): string | undefined {
  const status = claim?.['status'] as { phase?: string } | undefined
  const spec = claim?.['spec'] as { volumeName?: string } | undefined
  return status?.phase === 'Bound' && spec?.volumeName !== '' ? spec?.volumeName : undefined
}

function errorOf(snapshot: KubeObject | undefined): string | undefined {
  const status = snapshot?.['status'] as { error?: { message?: string } | null; readyToUse?: boolean } | undefined
  return status?.readyToUse === true ? undefined : (status?.error?.message ?? undefined)
}

async function byPlace(
  kube: KubeClient,
  type: ResourceType,
  options: { labelSelector: string; signal: AbortSignal | undefined },
): Promise<Map<string, KubeObject>> {
  const found = new Map<string, KubeObject>()
  for await (const { items } of kube.pages(type, options)) {
    for (const object of items) found.set(`${object.metadata.namespace ?? ''}/${object.metadata.name}`, object)
  }
  return found
}

/** Names of the classes that make volumes only for a pod; none when they may not be listed. */
async function lazyClasses(kube: KubeClient, signal: AbortSignal | undefined): Promise<Set<string>> {
  try {
    const pages = await Array.fromAsync(kube.pages(StorageClasses, { signal }))
    const lazy = pages.flatMap(({ items }) =>
      items.filter((one) => one['volumeBindingMode'] === 'WaitForFirstConsumer'),
    )
    return new Set(lazy.map(({ metadata }) => metadata.name))
  } catch (error) {
    if (!(error instanceof KubeError) || error.problem !== 'forbidden') throw error
    return new Set()
  }
}
