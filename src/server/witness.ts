import type { BackupStorageLocation } from '#api/backup-storage-location.ts'
import type { Backup } from '#api/backup.ts'
import type { Restore } from '#api/restore.ts'
import type { Schedule } from '#api/schedule.ts'

/** Somebody whom the controllers tell of their work as it happens. Whoever is told returns at once and never throws. */
export interface Witness {
  backupStarted?(backup: Backup): void
  /** Refusals included; with the size of the archive when there is one. */
  backupEnded?(backup: Backup, archiveBytes: number | undefined): void
  deletionStarted?(backup: Backup): void
  deletionEnded?(backup: Backup, deleted: boolean): void
  /** Refused ones included, as Velero counts. */
  restoreStarted?(restore: Restore): void
  restoreEnded?(restore: Restore): void
  /** As often as it is looked at. */
  scheduleSeen?(name: string): void
  scheduleGone?(name: string): void
  scheduleRefused?(schedule: Schedule, problems: readonly string[]): void
  /** A backup was asked for because it was due. */
  scheduleFired?(schedule: Schedule, backup: string): void
  locationChecked?(location: BackupStorageLocation): void
  locationGone?(name: string): void
}

/** Tells all of them, in their order. */
export function together(all: readonly Witness[]): Required<Witness> {
  return {
    backupStarted: (backup) => all.forEach((one) => one.backupStarted?.(backup)),
    backupEnded: (backup, bytes) => all.forEach((one) => one.backupEnded?.(backup, bytes)),
    deletionStarted: (backup) => all.forEach((one) => one.deletionStarted?.(backup)),
    deletionEnded: (backup, deleted) => all.forEach((one) => one.deletionEnded?.(backup, deleted)),
    restoreStarted: (restore) => all.forEach((one) => one.restoreStarted?.(restore)),
    restoreEnded: (restore) => all.forEach((one) => one.restoreEnded?.(restore)),
    scheduleSeen: (name) => all.forEach((one) => one.scheduleSeen?.(name)),
    scheduleGone: (name) => all.forEach((one) => one.scheduleGone?.(name)),
    scheduleRefused: (schedule, problems) => all.forEach((one) => one.scheduleRefused?.(schedule, problems)),
    scheduleFired: (schedule, backup) => all.forEach((one) => one.scheduleFired?.(schedule, backup)),
    locationChecked: (location) => all.forEach((one) => one.locationChecked?.(location)),
    locationGone: (name) => all.forEach((one) => one.locationGone?.(name)),
  }
}
