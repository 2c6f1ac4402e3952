import type { BackupStorageLocation } from '#api/backup-storage-location.ts'
import type { Backup } from '#api/backup.ts'
import { isUnderWay } from '#api/phases.ts'

/** Values of the label that says why an expired backup cannot be deleted. */
export type GarbageFailure = 'BSLNotFound' | 'BSLReadOnly'

/** What is done about a backup whose time is over. */
export type GarbageStep =
  | { readonly do: 'request' }
  /** It would be refused now; the next look may find another state. */
  | { readonly do: 'leave'; readonly because: 'requested' | 'being-deleted' | 'in-progress' | 'location-unavailable' }
  /** It cannot be deleted until somebody changes the location: the label tells people so. */
  | { readonly do: 'mark'; readonly failure: GarbageFailure }

/** Decides about a backup whose time is over (spec/server.md §8). `requested` says that a request for its deletion is open already. Pure. */
export function garbageStep(
  backup: Backup,
  facts: { location: BackupStorageLocation | undefined; requested: boolean },
): GarbageStep {
  const { location, requested } = facts
  if (backup.metadata.deletionTimestamp !== undefined) return { do: 'leave', because: 'being-deleted' }
  if (isUnderWay(backup.status?.phase)) return { do: 'leave', because: 'in-progress' }
  if (location === undefined) return { do: 'mark', failure: 'BSLNotFound' }
  if (location.spec.accessMode === 'ReadOnly') return { do: 'mark', failure: 'BSLReadOnly' }
  if (location.status?.phase !== 'Available') return { do: 'leave', because: 'location-unavailable' }
  return requested ? { do: 'leave', because: 'requested' } : { do: 'request' }
}
