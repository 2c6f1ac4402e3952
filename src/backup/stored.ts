import { Backups, type Backup } from '#api/backup.ts'
import { readObject } from '#api/read.ts'
import { decodeBackupMetadata } from '#archive/backup-metadata.ts'
import { backupKey } from '#store/layout.ts'
import { StoreError, type ObjectStore } from '#store/store.ts'

/** The Backup in the store under `name`; undefined when there is none: without `velero-backup.json` a folder is no backup. */
export async function storedBackup(store: ObjectStore, name: string): Promise<Backup | undefined> {
  try {
    const bytes = await store.get(backupKey(name, 'metadata'))
    return readObject(Backups, await decodeBackupMetadata(bytes))
  } catch (error) {
    if (error instanceof StoreError && error.problem === 'missing') return undefined
    throw error
  }
}
