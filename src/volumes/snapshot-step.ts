import type { VolumeSnapshot, VolumeSnapshotContent } from './snapshot-types.ts'

/** What is known of one snapshot that is being taken. */
export interface SnapshotSight {
  /** As last seen; undefined before it is made, and after somebody deleted it. */
  readonly snapshot: VolumeSnapshot | undefined
  /** True once it has been made; without `snapshot` it is gone again. */
  readonly made: boolean
  /** As read after `snapshot` said that it is ready; `missing` when there was none. */
  readonly content: VolumeSnapshotContent | 'missing' | undefined
  /** Why it could not be made. */
  readonly refusal: string | undefined
  /** Milliseconds since 1970: when it was asked for, and since when it has had an error. */
  readonly since: number
  readonly errorSince: number | undefined
}

/** How long one snapshot may take, in milliseconds. */
export interface SnapshotLimits {
  /** From being asked for to being taken. */
  readonly taking: number
  /** How long a driver may repeat an error, and never longer than `taking`; while an application stands still for it, not long. */
  readonly errors: number
}

/** While an application stands still a driver may say an error for so long. */
const HURRIED_ERRORS_MS = 15_000

/** `hurried`: an application stands still for it. */
export function limitsOf({ timeoutMillis, hurried }: { timeoutMillis: number; hurried: boolean }): SnapshotLimits {
  return { taking: timeoutMillis, errors: hurried ? HURRIED_ERRORS_MS : timeoutMillis }
}

/** Since when what the cluster shows is waited for, and since when it has had an error, in milliseconds since 1970. */
export function clockOf(
  { metadata, status }: Pick<VolumeSnapshot, 'metadata'> & { status?: { error?: { message?: string } | null } },
  before: Pick<SnapshotSight, 'since' | 'errorSince'>,
  now: number,
): Pick<SnapshotSight, 'since' | 'errorSince'> {
  const made = Date.parse(metadata.creationTimestamp ?? '')
  return {
    // One that an earlier server has asked for has been waited for already.
    since: Number.isNaN(made) ? before.since : Math.min(made, before.since),
    errorSince: status?.error?.message === undefined ? undefined : (before.errorSince ?? now),
  }
}

/** What is to be done about a snapshot now. */
export type SnapshotStep =
  | { readonly do: 'make' }
  /** Nothing before something changes or `until` (milliseconds since 1970) has come. `taken`: the data are safe in the storage. */
  | { readonly do: 'wait'; readonly taken: boolean; readonly until: number | undefined }
  | { readonly do: 'read-content' }
  | { readonly do: 'end'; readonly snapshot: VolumeSnapshot; readonly content: VolumeSnapshotContent }
  | { readonly do: 'fail'; readonly reason: string }

/** A driver whose snapshot is taken and not ready may say an error for so long: Velero gives up at the first, though drivers repeat. */
const ERROR_AFTER_TAKING_MS = 60_000

/** Decides by what is seen. A snapshot that is taken has no time limit here: how long it may take to be ready is for the caller to say. */
export function snapshotStep(sight: SnapshotSight, limits: SnapshotLimits, now: number): SnapshotStep {
  const { snapshot, made, content, refusal, since } = sight
  if (refusal !== undefined) return { do: 'fail', reason: refusal }
  if (snapshot === undefined) {
    return made ? { do: 'fail', reason: 'somebody deleted the VolumeSnapshot meanwhile' } : { do: 'make' }
  }
  if (snapshot.metadata.deletionTimestamp !== undefined)
    return { do: 'fail', reason: 'somebody deletes the VolumeSnapshot' }
  if (content === 'missing') return { do: 'fail', reason: 'its VolumeSnapshotContent does not exist any more' }
  const { status = {} } = snapshot
  if (status.readyToUse === true && status.boundVolumeSnapshotContentName !== undefined) {
    return content?.status?.snapshotHandle === undefined ? { do: 'read-content' } : { do: 'end', snapshot, content }
  }
  const taken = isTaken(snapshot)
  const error = status.error?.message
  const deadlines = [
    ...(taken ? [] : [since + limits.taking]),
    ...(sight.errorSince === undefined ? [] : [sight.errorSince + (taken ? ERROR_AFTER_TAKING_MS : limits.errors)]),
  ]
  const until = deadlines.length === 0 ? undefined : Math.min(...deadlines)
  if (until === undefined || now < until) return { do: 'wait', taken, until }
  return { do: 'fail', reason: lateReason({ taken, error, status, limits }) }
}

/** Whether the storage has taken it: from then on writing to the volume does not change it. */
export function isTaken({ status = {} }: VolumeSnapshot): boolean {
  return status.creationTime !== undefined || status.readyToUse === true
}

function lateReason({
  taken,
  error,
  status,
  limits,
}: {
  taken: boolean
  error: string | undefined
  status: NonNullable<VolumeSnapshot['status']>
  limits: SnapshotLimits
}): string {
  if (error !== undefined) return `the driver says: ${error}`
  if (taken) return 'it does not get ready'
  const seconds = Math.round(limits.taking / 1000)
  const nobody = status.boundVolumeSnapshotContentName === undefined ? ' (no snapshot controller has answered)' : ''
  return `it was not taken within ${seconds} s${nobody}`
}
