import type { GroupOrder } from './group-order.ts'
import type { VolumeGroupSnapshot } from './group-types.ts'
import type { SnapshotLimits } from './snapshot-step.ts'
import type { VolumeSnapshot } from './snapshot-types.ts'

/** What is known of one group that is being snapshotted. */
export interface GroupSight {
  /** As last seen; undefined before it is made, and after somebody deleted it. */
  readonly group: VolumeGroupSnapshot | undefined
  /** True once it has been made; without `group` it is gone again. */
  readonly made: boolean
  /** The VolumeSnapshots that the cluster has made for it so far. */
  readonly members: readonly VolumeSnapshot[]
  /** Why it could not be made. */
  readonly refusal: string | undefined
  /** Milliseconds since 1970: when it was asked for, and since when it has had an error. */
  readonly since: number
  readonly errorSince: number | undefined
}

/** What is to be done about a group now. */
export type GroupStep =
  | { readonly do: 'make' }
  /** Nothing yet: it is to be looked at again. */
  | { readonly do: 'wait' }
  /** Each member has its snapshot, and goes on as any other does. */
  | { readonly do: 'adopt'; readonly group: VolumeGroupSnapshot }
  | { readonly do: 'fail'; readonly reason: string }

/** Decides by what is seen. */
export function groupStep(
  sight: GroupSight,
  { claims }: Pick<GroupOrder, 'claims'>,
  { limits, now }: { limits: SnapshotLimits; now: number },
): GroupStep {
  const { group, made, refusal, since, errorSince } = sight
  if (refusal !== undefined) return { do: 'fail', reason: refusal }
  if (group === undefined) {
    return made ? { do: 'fail', reason: 'somebody deleted the VolumeGroupSnapshot meanwhile' } : { do: 'make' }
  }
  if (group.metadata.deletionTimestamp !== undefined)
    return { do: 'fail', reason: 'somebody deletes the VolumeGroupSnapshot' }
  const missing = missingClaims(claims, sight.members)
  if (missing.length === 0 && group.status?.boundVolumeGroupSnapshotContentName !== undefined)
    return { do: 'adopt', group }
  const deadlines = [since + limits.taking, ...(errorSince === undefined ? [] : [errorSince + limits.errors])]
  if (now < Math.min(...deadlines)) return { do: 'wait' }
  return { do: 'fail', reason: lateReason(group, { missing, total: claims.length, limits }) }
}

function missingClaims(claims: readonly string[], members: readonly VolumeSnapshot[]): string[] {
  const bound = members.filter(({ status = {} }) => status.boundVolumeSnapshotContentName !== undefined)
  const there = new Set(bound.map(({ spec }) => spec?.source?.persistentVolumeClaimName))
  return claims.filter((claim) => !there.has(claim))
}

function lateReason(
  { status = {} }: VolumeGroupSnapshot,
  { missing, total, limits }: { missing: readonly string[]; total: number; limits: SnapshotLimits },
): string {
  const error = status.error?.message
  if (error !== undefined) return `the driver says: ${error}`
  const seconds = Math.round(limits.taking / 1000)
  if (status.boundVolumeGroupSnapshotContentName === undefined)
    return `it was not taken within ${seconds} s (no snapshot controller has answered)`
  const taken = missing.length < total || status.readyToUse === true
  return taken
    ? `within ${seconds} s it got no snapshot of ${missing.join(', ')}`
    : `it was not taken within ${seconds} s`
}
