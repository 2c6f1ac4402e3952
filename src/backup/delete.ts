import type { Backup, BackupStatus } from '#api/backup.ts'
import { ApiError } from '#api/error.ts'
import { labelKeys, labelValue } from '#api/labels.ts'
import { ArchiveError } from '#archive/error.ts'
import { deletePrefix } from '#store/delete-prefix.ts'
import { backupKey, backupPrefix } from '#store/layout.ts'
import type { KubeClient } from '#kube/client.ts'
import { StoreError, type ObjectLock, type ObjectStore } from '#store/store.ts'
import type { OpenSnapshotter } from '#volumes/snapshotter.ts'
import { deleteStoredSnapshots, type DeletedSnapshots } from '#volumes/stored-snapshots.ts'
import { standingOf, type Writer } from './claim.ts'
import { storedBackup } from './stored.ts'
import { deleteNativeSnapshots } from './delete-snapshots.ts'
import { snapshotsOf } from './stored-snapshots.ts'

/** Who deletes files: those that somebody else claims stay. */
export type FileWriter = Pick<Writer, 'installation' | 'now'>

/**
 * Deletes every file of `backup`. The marker goes first: a deletion that is cut off leaves a folder that nobody takes for a backup, and doing it
 * again ends it. A backup that was refused because another one has its name, or was being made under it, has no files there: those are left alone,
 * and the answer is false. Rejects with StoreError; 'locked' before anything is touched, when some file of it cannot be deleted yet.
 */
export async function deleteBackupFiles(store: ObjectStore, backup: Backup, writer: FileWriter): Promise<boolean> {
  const { name } = backup.metadata
  if (!(await ownsFiles(store, backup, writer))) return false
  await refuseLocked(store, name)
  await store.delete(backupKey(name, 'metadata'))
  await deletePrefix(store, backupPrefix(name))
  await store.locks?.purge(backupPrefix(name))
  return true
}

/**
 * Deletes the snapshots of `backup`, by CSI drivers and by providers, from the storage; before its files, which say where they are. `cluster` is asked for only when there are
 * any. A snapshot with a problem is one that can be tried again. Rejects with StoreError ('locked' as `deleteBackupFiles`), KubeError, or what `cluster` rejects with.
 */
export async function deleteBackupSnapshots(
  store: ObjectStore,
  backup: Backup,
  options: SnapshotDeletion,
): Promise<DeletedSnapshots> {
  const { cluster, snapshotters, writer, signal } = options
  const none = { deleted: 0, problems: [], unreachable: [] }
  if (!(await ownsFiles(store, backup, writer))) return none
  await refuseLocked(store, backup.metadata.name)
  try {
    const ofProviders = await deleteNativeSnapshots(store, backup.metadata.name, { open: snapshotters, signal })
    const snapshots = await snapshotsOf(store, backup, { signal })
    if (snapshots.length === 0) return ofProviders
    const restored = `${labelKeys.backupName}=${labelValue(backup.metadata.name)},${labelKeys.restoreName}`
    const ofDrivers = await deleteStoredSnapshots(snapshots, { kube: await cluster(), restored, signal })
    return {
      deleted: ofProviders.deleted + ofDrivers.deleted,
      problems: [...ofProviders.problems, ...ofDrivers.problems],
      unreachable: ofDrivers.unreachable,
    }
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error
    // What cannot be read has to be deleted all the same.
    return {
      ...none,
      unreachable: [`its snapshots stay in the storage, since its contents are damaged: ${error.message}`],
    }
  }
}

/** What deleting snapshots needs. */
export interface SnapshotDeletion {
  /** Connects to the cluster with the CSI drivers. */
  readonly cluster: () => Promise<KubeClient>
  /** Absent where there can be no snapshot locations. */
  readonly snapshotters?: OpenSnapshotter | undefined
  readonly writer: FileWriter
  readonly signal?: AbortSignal | undefined
}

/** The lock that keeps the files of `backup` from being deleted; undefined when they can be, or are another's. Rejects with StoreError. */
export async function backupLock(
  store: ObjectStore,
  backup: Backup,
  writer: FileWriter,
): Promise<ObjectLock | undefined> {
  if (store.locks === undefined || !(await ownsFiles(store, backup, writer))) return undefined
  return await store.locks.longest(backupPrefix(backup.metadata.name))
}

async function refuseLocked(store: ObjectStore, name: string): Promise<void> {
  const lock = await store.locks?.longest(backupPrefix(name))
  if (lock !== undefined) throw new StoreError('locked', lockedMessage(name, lock))
}

/** Says why a backup cannot be deleted now. */
export function lockedMessage(name: string, { until }: ObjectLock): string {
  const when = until === undefined ? 'by a legal hold, which has to be lifted' : `until ${until.toISOString()}`
  return `backup ${name} is locked ${when}: nothing of it was deleted`
}

/** An object keeps the start of what it stands for, also when another cluster imported it; uids differ then. Without a marker the files are what a run, or a deletion, left, unless somebody claims them. */
async function ownsFiles(store: ObjectStore, { metadata, status }: Backup, writer: FileWriter): Promise<boolean> {
  const stored = await storedBackup(store, metadata.name).catch((error: unknown) => {
    // What cannot be read has to be deleted all the same.
    if (error instanceof ApiError || error instanceof ArchiveError) return undefined
    throw error
  })
  if (stored === undefined) {
    const claimed = await standingOf(store, metadata.name, { ...writer, uid: metadata.uid })
    return claimed !== 'alive' && startOf(status) !== undefined
  }
  return startOf(stored.status) === startOf(status)
}

function startOf(status: BackupStatus | undefined): number | undefined {
  return typeof status?.startTimestamp === 'string' ? Date.parse(status.startTimestamp) : undefined
}
