import type { RestoreSpec } from '#api/restore.ts'
import type { BackupFilters } from './backup-scope.ts'

/** Whether the filters are of Velero's old kind, the new scoped kind, or an impossible mixture. */
export function filterStyle(_filters: BackupFilters): 'old' | 'scoped' | 'mixed' {
  throw new Error('being written')
}

/** What is wrong with a backup's filters, in Velero's words and order (spec/backup §1.3, 4-8); empty when nothing is. Judge them before `defaultBackupFilters` adds the CSI types. */
export function backupFilterProblems(_filters: BackupFilters): string[] {
  throw new Error('being written')
}

/** Types that no restore brings back; the server appends them to `excludedResources` (spec/restore §1.2). */
export const neverRestored: readonly string[] = [
  'nodes',
  'events',
  'events.events.k8s.io',
  'backups.velero.io',
  'restores.velero.io',
  'resticrepositories.velero.io',
  'csinodes.storage.k8s.io',
  'volumeattachments.storage.k8s.io',
  'backuprepositories.velero.io',
]

/** What is wrong with a restore's spec by itself, in Velero's words and order (spec/restore §1.2, 1-7). Judge it after `neverRestored` was appended. */
export function restoreSpecProblems(_spec: RestoreSpec): string[] {
  throw new Error('being written')
}
