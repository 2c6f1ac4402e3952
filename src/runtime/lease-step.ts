import type { KubeObject, ResourceType } from '#kube/object.ts'

/** The part of `coordination.k8s.io/v1` Lease that leader election uses. */
export interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string | null
    leaseDurationSeconds?: number
    acquireTime?: string | null
    renewTime?: string | null
    leaseTransitions?: number
  }
}

export const Leases: ResourceType<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
}

/** In ms. `trustedFor` is well below `duration`: in between nobody works. */
export interface LeaseTimes {
  /** A record that has not changed for so long belongs to a dead holder. */
  readonly duration: number
  /** A holder stops working so long after it sent the last renewal that succeeded. */
  readonly trustedFor: number
  /** Between two renewals, and between two tries to get the lease. */
  readonly pause: number
  /** For one renewal or try. */
  readonly patience: number
}

/** A hand-over takes seconds, and a pause of the API server of less than ten is survived. */
export const usualLeaseTimes: LeaseTimes = { duration: 15_000, trustedFor: 10_000, pause: 2000, patience: 3000 }

/** How long a record has been seen unchanged, by the observer's own steady clock in ms. */
export interface Sighting {
  readonly version: string
  readonly since: number
}

/** What is known of a lease after it was read at `now`; the clock starts again whenever the record has changed. */
export function sight(lease: Lease | undefined, before: Sighting | undefined, now: number): Sighting {
  const version = lease?.metadata.resourceVersion ?? ''
  return before !== undefined && before.version === version ? before : { version, since: now }
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
  const seconds = lease.spec?.leaseDurationSeconds
  return facts.unchangedFor > (seconds === undefined ? facts.duration : seconds * 1000) ? 'take' : 'wait'
}

/** The lease as `identity` writes it over `before`, whose resourceVersion guards against a race. */
export function heldBy(
  identity: string,
  facts: { name: string; namespace: string; before: Lease | undefined; now: Date; duration: number },
): Lease {
  const { name, namespace, before, duration } = facts
  // MicroTime: six digits of a second.
  const now = facts.now.toISOString().replace('Z', '000Z')
  const mine = before?.spec?.holderIdentity === identity
  const transitions = before?.spec?.leaseTransitions ?? 0
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: before?.metadata ?? { name, namespace },
    spec: {
      holderIdentity: identity,
      leaseDurationSeconds: Math.max(1, Math.ceil(duration / 1000)),
      acquireTime: mine ? (before.spec?.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: before === undefined || mine ? transitions : transitions + 1,
    },
  }
}
