// One restore run: store → archive → selection and items → apply, then the artifacts. It composes the rooms and knows
// nothing of controllers, commands or the Restore custom resource's life in a cluster; whoever calls it stores the result.
import type { Backup } from '#api/backup.ts'
import type { Restore } from '#api/restore.ts'
import type { KubeClient } from '#kube/client.ts'
import type { ObjectStore } from '#store/store.ts'
import type { RestoreProgress } from './progress.ts'

export interface RestoreRun {
  /** Defaulted and validated, with `spec.backupName` set. `metadata.uid` may be absent (no installation). */
  restore: Restore
  /** The backup as the cluster knows it; read from the store when absent. */
  backup?: Backup | undefined
  kube: KubeClient
  store: ObjectStore
  now: () => Date
  /** Where the archive's content is spooled while the run lasts; default the system's folder for temporary files. */
  spoolDir?: string | undefined
  signal?: AbortSignal | undefined
  /** At most five calls a second, and one when the work is done. */
  onProgress?: ((progress: RestoreProgress) => void) | undefined
}

/**
 * Restores `backupName` from `store` into the cluster and writes the artifacts under `restores/<name>/`. Resolves to the
 * Restore with its final phase (Completed or PartiallyFailed), counters, progress and times. Rejects with `RestoreError`:
 * before anything was changed in the cluster, or with 'aborted', 'cluster' or 'store' in the middle; then nothing is left in the store.
 */
export async function runRestore(_run: RestoreRun): Promise<Restore> {
  throw new Error('being written')
}
