import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProcessLog } from './controller.ts'
import {
  heldBy,
  Leases,
  leaseStep,
  sight,
  usualLeaseTimes,
  type Lease,
  type LeaseTimes,
  type Sighting,
} from './lease-step.ts'

export interface LeaseOptions {
  readonly name: string
  readonly namespace: string
  /** Unique to this process. */
  readonly identity: string
  /** Ends the waiting for the lease. A lease that is held is held until it is released. */
  readonly signal: AbortSignal
  readonly log: ProcessLog
  readonly now: () => Date
  readonly times?: LeaseTimes
}

/** A lease that is held. */
export interface HeldLease {
  /** Aborted when the lease is lost: whoever works under it must stop at once. */
  readonly lost: AbortSignal
  /** Lets go, so that the next holder need not wait. Only when the work under it has ended. */
  release(): Promise<void>
}

type Election = LeaseOptions & { readonly kube: KubeClient; readonly times: LeaseTimes }

/** Waits until this process holds the lease, then keeps renewing it. Rejects only when `signal` is aborted. */
export async function holdLease(kube: KubeClient, options: LeaseOptions): Promise<HeldLease> {
  const election: Election = { ...options, kube, times: options.times ?? usualLeaseTimes }
  const { signal, times } = election
  const seen: { last: Sighting | undefined } = { last: undefined }
  for (;;) {
    signal.throwIfAborted()
    const sent = performance.now()
    if (await tryToGet(election, seen)) return keep(election, sent)
    await sleep(times.pause, undefined, { signal })
  }
}

async function tryToGet(election: Election, seen: { last: Sighting | undefined }): Promise<boolean> {
  const { kube, namespace, name, identity, times, log } = election
  const signal = AbortSignal.any([election.signal, AbortSignal.timeout(times.patience)])
  try {
    const lease = await kube.find(Leases, name, { namespace, signal })
    const now = performance.now()
    seen.last = sight(lease, seen.last, now)
    const step = leaseStep(lease, { identity, unchangedFor: now - seen.last.since, duration: times.duration })
    if (step === 'wait') return false
    if (step === 'create') await kube.create(Leases, record(election, undefined), { namespace, signal })
    else await kube.replace(Leases, record(election, lease), { namespace, signal })
    return true
  } catch (error) {
    if (!isRace(error) && !election.signal.aborted) {
      log.warn({ lease: name, error: String(error) }, 'cannot get the lease, trying again')
    }
    return false
  }
}

function record({ name, namespace, identity, times, now }: Election, before: Lease | undefined): Lease {
  return heldBy(identity, { name, namespace, before, now: now(), duration: times.duration })
}

/** `sent` is when the request was sent that made the lease ours, by the steady clock: others count from later on. */
function keep(election: Election, sent: number): HeldLease {
  const { name, times } = election
  const lost = new AbortController()
  const ended = new AbortController()
  const lose = (): void => lost.abort(new Error(`lease ${name} is lost`))
  // A timer of its own, since a renewal may hang for longer than the lease lasts.
  let expiry: NodeJS.Timeout | undefined
  const trustFrom = (instant: number): void => {
    clearTimeout(expiry)
    expiry = setTimeout(lose, instant + times.trustedFor - performance.now()).unref()
  }
  trustFrom(sent)
  const renewing = renew(election, { until: AbortSignal.any([ended.signal, lost.signal]), trustFrom, lose })
  return {
    lost: lost.signal,
    async release() {
      ended.abort()
      await renewing
      clearTimeout(expiry)
      await letGo(election)
    },
  }
}

async function renew(
  election: Election,
  { until, trustFrom, lose }: { until: AbortSignal; trustFrom: (instant: number) => void; lose: () => void },
): Promise<void> {
  const { kube, namespace, name, identity, times, log } = election
  for (;;) {
    await sleep(times.pause, undefined, { signal: until }).catch(() => undefined)
    if (until.aborted) return
    const sent = performance.now()
    const signal = AbortSignal.any([until, AbortSignal.timeout(times.patience)])
    try {
      const lease = await kube.get(Leases, name, { namespace, signal })
      if (lease.spec?.holderIdentity !== identity) return lose()
      await kube.replace(Leases, record(election, lease), { namespace, signal })
      // A renewal that comes after the loss revives nothing: the work has stopped.
      if (!until.aborted) trustFrom(sent)
    } catch (error) {
      if (!until.aborted) log.warn({ lease: name, error: String(error) }, 'cannot renew the lease')
    }
  }
}

async function letGo(election: Election): Promise<void> {
  const { kube, namespace, name, identity, times, log } = election
  const signal = AbortSignal.timeout(times.patience)
  const once = async (): Promise<void> => {
    const lease = await kube.find(Leases, name, { namespace, signal })
    if (lease?.spec?.holderIdentity !== identity) return
    await kube.replace(Leases, { ...lease, spec: { ...lease.spec, holderIdentity: '' } }, { namespace, signal })
  }
  try {
    // A renewal that was cut off may still arrive in between.
    await once().catch((error: unknown) => (isRace(error) ? once() : Promise.reject(error)))
  } catch (error) {
    log.warn({ lease: name, error: String(error) }, 'cannot release the lease; it ends by itself')
  }
}

/** Another process, or an earlier request of our own, was faster. */
function isRace(error: unknown): boolean {
  return error instanceof KubeError && (error.problem === 'conflict' || error.problem === 'already-exists')
}
