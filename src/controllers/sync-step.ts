import type { BackupStorageLocation } from '#api/backup-storage-location.ts'
import { isRunName } from '#store/layout.ts'
import type { BackupExtract } from './backup-ledger.ts'
import { periodOr, specOf } from './location-check.ts'

/** When to look through a location: `syncIn` ms from now (0: at once), or not until its status or spec changes. */
export function nextSync(
  location: BackupStorageLocation,
  facts: { usual: number; now: Date; syncedSpec: string | undefined },
): { syncIn: number } | 'not-available' | 'never' {
  const period = periodOr(facts.usual, location.spec.backupSyncPeriod)
  if (period === 0) return 'never'
  if (location.status?.phase !== 'Available') return 'not-available'
  const last = location.status.lastSyncedTime
  if (typeof last !== 'string' || facts.syncedSpec !== specOf(location)) return { syncIn: 0 }
  const left = Date.parse(last) + period - facts.now.getTime()
  // A time far ahead is another server's wrong clock.
  return { syncIn: Math.min(Math.max(0, left), period) }
}

/** What has to be known of a Backup object to compare it with a store. */
export type KnownBackup = Pick<BackupExtract, 'name' | 'uid' | 'resourceVersion' | 'location' | 'phase' | 'importing'>

/** What has to be done so that Backup objects and files agree. */
export interface SyncPlan {
  /** Backups of the store without an object, or so it seems: each has to be looked into. */
  readonly unknown: readonly string[]
  readonly halfImported: readonly KnownBackup[]
  /** Finished backups of this location without files, and what becomes of their objects. */
  readonly gone:
    | { readonly do: 'remove'; readonly backups: readonly KnownBackup[] }
    /** So many are gone that the store itself is in doubt: another look has to confirm it. */
    | { readonly do: 'suspect'; readonly backups: readonly KnownBackup[]; readonly left: number }
}

/**
 * Compares the folders below `backups/`, all of them, with all Backup objects of the namespace (spec/object-store §15). An object of any
 * location takes its name; only Completed and PartiallyFailed ones of this location can have lost their files, since the
 * others may have none yet, or never had. When more are gone than are left, nothing is removed unless all were `missed` before. Pure.
 */
export function syncPlan(
  folders: ReadonlySet<string>,
  backups: readonly KnownBackup[],
  { location, missed }: { location: string; missed: ReadonlySet<string> },
): SyncPlan {
  const taken = new Set(backups.map(({ name }) => name))
  const unknown = [...folders].filter((name) => isRunName(name) && !taken.has(name))
  const own = backups.filter((backup) => backup.location === location)
  const halfImported = own.filter(({ name, importing }) => importing && folders.has(name))
  const [left, gone] = [own.filter(({ name }) => folders.has(name)), own.filter((one) => hadFiles(one, folders))]
  const doubtful = gone.length > left.length && !gone.every(({ name }) => missed.has(name))
  return {
    unknown,
    halfImported,
    gone: doubtful ? { do: 'suspect', backups: gone, left: left.length } : { do: 'remove', backups: gone },
  }
}

function hadFiles({ name, phase }: KnownBackup, folders: ReadonlySet<string>): boolean {
  return (phase === 'Completed' || phase === 'PartiallyFailed') && !folders.has(name)
}
