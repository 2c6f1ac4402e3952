import { tmpdir } from 'node:os'
import type { Backup } from '#api/backup.ts'
import { labelKeys, labelValue } from '#api/labels.ts'
import { decodeBackupOperations } from '#archive/item-operations.ts'
import { openArchive } from '#archive/open.ts'
import { decodeVolumeInfo } from '#archive/volume-info.ts'
import type { KubeClient } from '#kube/client.ts'
import { parseJson } from '#kube/json.ts'
import { resourceName } from '#kube/object.ts'
import { findObject } from '#store/find.ts'
import { backupKey, type BackupArtifact } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import { groupTypesOf } from '#volumes/group-types.ts'
import { VolumeSnapshotContents, type VolumeSnapshotContent } from '#volumes/snapshot-types.ts'
import { storedGroupOf } from '#volumes/stored-groups.ts'
import type { StoredSnapshot } from '#volumes/stored-snapshots.ts'
import { clearSnapshots } from './snapshot-clearing.ts'
import { identityOf } from './snapshot-items.ts'

/** The CSI snapshots that a stored backup relies on: those that it made itself. Rejects with StoreError or ArchiveError. */
export async function snapshotsOf(
  store: ObjectStore,
  backup: Backup,
  { spoolDir = tmpdir(), signal }: { spoolDir?: string | undefined; signal?: AbortSignal | undefined } = {},
): Promise<StoredSnapshot[]> {
  const { name } = backup.metadata
  const read = (artifact: BackupArtifact) => findObject(store, backupKey(name, artifact), { signal })
  // An archive can be large, and most have none.
  if (!(await mayHaveSnapshots(backup, read))) return []
  const contents = await read('contents')
  if (contents === undefined) return []
  await using archive = await openArchive(contents, { spoolDir, parse: parseJson, signal })
  const found: StoredSnapshot[] = []
  for (const entry of archive.entriesOf(resourceName(VolumeSnapshotContents))) {
    const content = (await archive.read(entry)) as VolumeSnapshotContent
    const { metadata, spec, status } = content
    const { labels = {}, annotations } = metadata
    const [driver, handle] = [spec?.driver, status?.snapshotHandle]
    // Without the label it was somebody else's, who put it into the backup.
    if (labels[labelKeys.backupName] !== labelValue(name) || driver === undefined || handle === undefined) continue
    const group = storedGroupOf(content)
    found.push({ driver, handle, annotations, group })
  }
  return found
}

async function mayHaveSnapshots(
  { status }: Backup,
  read: (artifact: BackupArtifact) => Promise<AsyncIterable<Uint8Array> | undefined>,
): Promise<boolean> {
  if ((status?.csiVolumeSnapshotsAttempted ?? 0) > 0) return true
  const infos = await read('volume-info')
  if (infos === undefined) return false
  const volumes = await decodeVolumeInfo(infos)
  return volumes.some(({ backupMethod, snapshotDataMoved }) => backupMethod === 'CSISnapshot' && !snapshotDataMoved)
}

/**
 * Clears away what a server that died right after it had stored `backup` left in the cluster: the snapshots that are in it stay in the storage.
 * Gives what could not be done.
 */
export async function releaseSnapshotsOf(
  store: ObjectStore,
  backup: Backup,
  { kube, signal }: { kube: KubeClient; signal?: AbortSignal | undefined },
): Promise<string[]> {
  if ((backup.status?.csiVolumeSnapshotsAttempted ?? 0) === 0) return []
  const { name } = backup.metadata
  const records = await decodeBackupOperations(await store.get(backupKey(name, 'item-operations')))
  const kept = new Set(
    records
      .filter(({ status }) => status.phase === 'Completed')
      .map(({ spec: { resourceIdentifier: one } }) => `${one.Namespace}/${one.Name}`),
  )
  const identity = identityOf(backup, { store: store.url, started: backup.status?.startTimestamp ?? '' })
  const groupTypes = groupTypesOf((await kube.discover({ signal })).types)
  return await clearSnapshots({ kube, identity, groupTypes, kept, signal })
}
