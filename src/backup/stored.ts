import { Backups, type Backup } from '#api/backup.ts'
import { PodVolumeBackups, type PodVolumeBackup } from '#api/pod-volume-backup.ts'
import { readObject } from '#api/read.ts'
import { decodeBackupMetadata } from '#archive/backup-metadata.ts'
import { decodeListGz } from '#archive/json-gz.ts'
import { apiVersionOf } from '#kube/object.ts'
import { findObject } from '#store/find.ts'
import { backupKey } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'

/** The Backup in the store under `name`; undefined when there is none: without `velero-backup.json` a folder is no backup. */
export async function storedBackup(store: ObjectStore, name: string): Promise<Backup | undefined> {
  const bytes = await findObject(store, backupKey(name, 'metadata'))
  return bytes && readObject(Backups, await decodeBackupMetadata(bytes))
}

/** The PodVolumeBackups of a stored backup; none when it has no such file. Velero writes them without apiVersion and kind (spec/object-store §8). */
export async function storedVolumeBackups(store: ObjectStore, name: string): Promise<PodVolumeBackup[]> {
  const key = backupKey(name, 'pod-volume-backups')
  const bytes = await findObject(store, key)
  if (bytes === undefined) return []
  const type = { apiVersion: apiVersionOf(PodVolumeBackups), kind: PodVolumeBackups.kind }
  return (await decodeListGz(bytes, { name: key })).map((one) =>
    readObject(PodVolumeBackups, { ...(one as object), ...type }),
  )
}
