import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProcessLog } from './controller.ts'

interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string | null
    leaseDurationSeconds?: number
    acquireTime?: string | null
    renewTime?: string | null
    leaseTransitions?: number
  }
}

const Leases: ResourceType<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
}

/** Times in ms. A dead holder is replaced after `duration`; `renewEvery` and `retryEvery` are well below it. */
export interface LeaseTimes {
  readonly duration: number
  readonly renewEvery: number
  readonly retryEvery: number
}

/** A hand-over takes seconds, and a pause of the API server of less than ten is survived. */
export const usualLeaseTimes: LeaseTimes = { duration: 15_000, renewEvery: 3000, retryEvery: 2000 }

export interface LeaseOptions {
  readonly name: string
  readonly namespace: string
  /** Unique to this process. */
  readonly identity: string
  readonly signal: AbortSignal
  readonly log: ProcessLog
  readonly now: () => Date
  readonly times?: LeaseTimes
}

/** A lease that is held. */
export interface HeldLease {
  /** Aborted when the lease is lost: whoever works under it must stop. */
  readonly lost: AbortSignal
  /** Lets go, so that the next holder need not wait. */
  release(): Promise<void>
}

/**
 * What a candidate does about a lease. The holder's clock is not trusted: a foreign lease counts as dead when its record has
 * not changed for its duration on our own clock, as client-go judges it.
 */
export function leaseStep(
  lease: Lease | undefined,
  facts: { identity: string; unchangedFor: number; duration: number },
): 'create' | 'renew' | 'take' | 'wait' {
  if (lease === undefined) return 'create'
  const holder = lease.spec?.holderIdentity ?? ''
  if (holder === facts.identity) return 'renew'
  if (holder === '') return 'take'
  return facts.unchangedFor > (lease.spec?.leaseDurationSeconds ?? facts.duration / 1000) * 1000 ? 'take' : 'wait'
}

/** Waits until this process holds the lease, then keeps renewing it. Rejects only when `signal` is aborted. */
export async function holdLease(kube: KubeClient, options: LeaseOptions): Promise<HeldLease> {
  const times = options.times ?? usualLeaseTimes
  const watch = { version: '', since: performance.now() }
  for (;;) {
    options.signal.throwIfAborted()
    if (await tryOnce(kube, options, watch)) return keep(kube, { ...options, times })
    await sleep(times.retryEvery, undefined, { signal: options.signal })
  }
}

async function tryOnce(
  kube: KubeClient,
  options: LeaseOptions,
  watch: { version: string; since: number },
): Promise<boolean> {
  const { namespace, name, identity, times = usualLeaseTimes } = options
  try {
    const lease = await kube.find(Leases, name, { namespace, signal: options.signal })
    if (lease !== undefined && lease.metadata.resourceVersion !== watch.version) {
      watch.version = lease.metadata.resourceVersion ?? ''
      watch.since = performance.now()
    }
    const step = leaseStep(lease, { identity, unchangedFor: performance.now() - watch.since, duration: times.duration })
    if (step === 'wait') return false
    if (step === 'create') await kube.create(Leases, record(options, undefined), { namespace })
    else await kube.replace(Leases, record(options, lease), { namespace })
    return true
  } catch (error) {
    // A conflict means that another was faster; anything else passes or is tried again.
    if (!isRace(error)) options.log.warn({ lease: name, error: String(error) }, 'cannot get the lease, trying again')
    return false
  }
}

function isRace(error: unknown): boolean {
  return error instanceof KubeError && (error.problem === 'conflict' || error.problem === 'already-exists')
}

/** The lease as this process writes it. With `before` its resourceVersion guards against a race. */
function record(options: LeaseOptions, before: Lease | undefined): Lease {
  const { name, namespace, identity, times = usualLeaseTimes } = options
  // MicroTime: six digits of a second.
  const now = options.now().toISOString().replace('Z', '000Z')
  const mine = before?.spec?.holderIdentity === identity
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: before?.metadata ?? { name, namespace },
    spec: {
      holderIdentity: identity,
      leaseDurationSeconds: Math.max(1, Math.round(times.duration / 1000)),
      acquireTime: mine ? (before.spec?.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (before?.spec?.leaseTransitions ?? 0) + (before === undefined || mine ? 0 : 1),
    },
  }
}

function keep(kube: KubeClient, options: LeaseOptions & { times: LeaseTimes }): HeldLease {
  const lost = new AbortController()
  const stop = new AbortController()
  const until = AbortSignal.any([options.signal, stop.signal])
  const renewing = renewUntil(kube, options, until).then(() => lost.abort(new Error(`lease ${options.name} is lost`)))
  return {
    lost: lost.signal,
    async release() {
      stop.abort()
      await renewing
      await letGo(kube, options)
    },
  }
}

/** Renews until `until` is aborted, somebody else holds the lease, or no renewal worked for most of its duration. */
async function renewUntil(
  kube: KubeClient,
  options: LeaseOptions & { times: LeaseTimes },
  until: AbortSignal,
): Promise<void> {
  const { namespace, name, identity, times, log } = options
  let renewed = performance.now()
  while (!until.aborted) {
    await sleep(times.renewEvery, undefined, { signal: until }).catch(() => undefined)
    if (until.aborted) return
    try {
      const lease = await kube.get(Leases, name, { namespace, signal: AbortSignal.timeout(times.renewEvery) })
      if (lease.spec?.holderIdentity !== identity) return
      await kube.replace(Leases, record(options, lease), { namespace, signal: AbortSignal.timeout(times.renewEvery) })
      renewed = performance.now()
    } catch (error) {
      log.warn({ lease: name, error: String(error) }, 'cannot renew the lease')
      if (performance.now() - renewed > times.duration * 0.66) return
    }
  }
}

async function letGo(kube: KubeClient, { namespace, name, identity, log }: LeaseOptions): Promise<void> {
  try {
    const lease = await kube.find(Leases, name, { namespace })
    if (lease?.spec?.holderIdentity !== identity) return
    await kube.replace(Leases, { ...lease, spec: { ...lease.spec, holderIdentity: '' } }, { namespace })
  } catch (error) {
    log.warn({ lease: name, error: String(error) }, 'cannot release the lease; it ends by itself')
  }
}
