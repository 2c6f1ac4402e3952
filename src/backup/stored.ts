import { Backups, type Backup } from '#api/backup.ts'
import { readObject } from '#api/read.ts'
import { decodeBackupMetadata } from '#archive/backup-metadata.ts'
import { findObject } from '#store/find.ts'
import { backupKey } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'

/** The Backup in the store under `name`; undefined when there is none: without `velero-backup.json` a folder is no backup. */
export async function storedBackup(store: ObjectStore, name: string): Promise<Backup | undefined> {
  const bytes = await findObject(store, backupKey(name, 'metadata'))
  return bytes && readObject(Backups, await decodeBackupMetadata(bytes))
}
