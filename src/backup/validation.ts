import type { BackupStorageLocation } from '#api/backup-storage-location.ts'
import type { Backup } from '#api/backup.ts'

/**
 * What is wrong with a defaulted `backup` (spec/backup §1.3), in order; empty when it can run. `locations` are those of the
 * backup's namespace; without them (no installation) the storage location is not checked.
 */
export function validateBackup(
  _backup: Backup,
  _options: { locations?: readonly BackupStorageLocation[] | undefined } = {},
): string[] {
  return []
}
