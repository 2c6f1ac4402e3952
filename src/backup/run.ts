// One backup run: cut → collect → selection and items → archive → store, then the sibling artifacts and, last, the commit marker.
// It composes the rooms and knows nothing of controllers, commands or the Backup custom resource's life in a cluster; whoever calls it stores the result.
import type { Backup } from '#api/backup.ts'
import type { KubeClient } from '#kube/client.ts'
import type { ObjectStore } from '#store/store.ts'
import type { BackupProgress } from './progress.ts'

export interface BackupRun {
  /** Defaulted (`defaultBackup`) and validated. `metadata.uid` may be absent (no installation). */
  backup: Backup
  kube: KubeClient
  store: ObjectStore
  now: () => Date
  /** Where the manifest is spooled while the run lasts; default the system's folder for temporary files. */
  spoolDir?: string | undefined
  signal?: AbortSignal | undefined
  /** At most five calls a second, and one when the work is done. */
  onProgress?: ((progress: BackupProgress) => void) | undefined
}

/**
 * Makes the backup and writes all artifacts under `backups/<name>/`, `velero-backup.json` last. Resolves to the Backup as
 * stored: final phase (Completed or PartiallyFailed), counters, times. Rejects with `BackupError`; then nothing of this run is left in the store.
 */
export async function runBackup(_run: BackupRun): Promise<Backup> {
  throw new Error('being written')
}
