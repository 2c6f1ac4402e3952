import type { BackupStorageLocation } from '#api/backup-storage-location.ts'
import type { Backup } from '#api/backup.ts'
import type { KubeClient, ServerVersion } from '#kube/client.ts'

/** What the defaults of a backup depend on in the cluster. */
export interface ClusterFacts {
  version: ServerVersion
  /** Names of the namespaces that carry `velero.io/exclude-from-backup: "true"`. */
  excludedNamespaces: readonly string[]
}

/** Settings of the server, or of the command that plays it. */
export interface BackupSettings {
  /** The locations of the backup's namespace; absent without installation, then `storageLocation` is only a name. */
  locations?: readonly BackupStorageLocation[] | undefined
  /** Taken when no location is marked as default; `default`. */
  defaultLocation?: string | undefined
  /** Go durations. Defaults: `720h0m0s`, `4h0m0s`, `10m0s`. */
  ttl?: string | undefined
  itemOperationTimeout?: string | undefined
  resourceTimeout?: string | undefined
  defaultVolumesToFsBackup?: boolean | undefined
  snapshotMoveData?: boolean | undefined
}

/** Asks the cluster for what `defaultBackup` needs. Rejects with KubeError. */
export async function readClusterFacts(_kube: KubeClient, _options?: { signal?: AbortSignal | undefined }): Promise<ClusterFacts> {
  throw new Error('being written')
}

/**
 * Fills what Velero's server fills when it accepts a backup (spec/backup §1.2): spec, `status.version`, `formatVersion` and
 * `expiration`, labels, annotations. Does not change `backup`; doing it twice is the same as once.
 */
export function defaultBackup(
  backup: Backup,
  _options: { facts: ClusterFacts; now: Date; settings?: BackupSettings | undefined },
): Backup {
  return backup
}
