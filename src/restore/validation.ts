import type { Backup } from '#api/backup.ts'
import type { Restore } from '#api/restore.ts'

/** Fills what Velero's server fills before it validates: types that are never restored, the item-operation timeout (spec/restore §1.2). Does not change `restore`. */
export function defaultRestore(restore: Restore, _options: { itemOperationTimeout?: string } = {}): Restore {
  return restore
}

/** What is wrong with `restore`, in Velero's words and order; empty when it can run. `backups` are those that can be chosen from. */
export function validateRestore(_restore: Restore, _backups: readonly Backup[]): string[] {
  return []
}

/** The backup `restore` asks for: by name, or the newest Completed one of its schedule. Undefined when there is none. */
export function requestedBackup(_restore: Restore, _backups: readonly Backup[]): Backup | undefined {
  return undefined
}
