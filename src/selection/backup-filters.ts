import type { BackupFilters } from './backup-scope.ts'

/**
 * The filters as the server persists them: `*` when no namespace is included, namespaces labelled out, CSI snapshot types
 * excluded (spec/backup §1.2, §3.4). Filters that mix old and new lists come back without the CSI part. Idempotent.
 */
export function defaultBackupFilters(_filters: BackupFilters, _labelledOut: readonly string[]): BackupFilters {
  throw new Error('being written')
}
