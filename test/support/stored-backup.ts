import type { Backup, BackupStatus } from '#api/backup.ts'
import { encodeBackupMetadata } from '#archive/backup-metadata.ts'
import { backupKey } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'

/** Puts a backup into a store as far as listing it goes: its `velero-backup.json`, as another cluster wrote it. */
export async function putStoredBackup(
  store: ObjectStore,
  name: string,
  change: { metadata?: object; status?: BackupStatus } = {},
): Promise<Backup> {
  const backup: Backup = {
    apiVersion: 'velero.io/v1',
    kind: 'Backup',
    metadata: {
      name,
      namespace: 'velero',
      uid: `uid-of-${name}`,
      resourceVersion: '77',
      labels: { 'velero.io/storage-location': 'elsewhere' },
      ...change.metadata,
    },
    spec: { storageLocation: 'elsewhere', includedNamespaces: ['shop'] },
    status: { phase: 'Completed', formatVersion: '1.1.0', ...change.status },
  }
  await store.put(backupKey(name, 'metadata'), encodeBackupMetadata(backup))
  return backup
}
