import type { Backup, BackupStatus } from '#api/backup.ts'
import { ApiError } from '#api/error.ts'
import { ArchiveError } from '#archive/error.ts'
import { deletePrefix } from '#store/delete-prefix.ts'
import { backupKey, backupPrefix } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import { storedBackup } from './stored.ts'

/**
 * Deletes every file of `backup`. The marker goes first: a deletion that is cut off leaves a folder that nobody takes for a backup, and doing it
 * again ends it. A backup that was refused because another one has its name has no files there: those are left alone, and the answer is false.
 * Rejects with StoreError.
 */
export async function deleteBackupFiles(store: ObjectStore, backup: Backup): Promise<boolean> {
  const { name } = backup.metadata
  if (!(await ownsFiles(store, backup))) return false
  await store.delete(backupKey(name, 'metadata'))
  await deletePrefix(store, backupPrefix(name))
  return true
}

/** An object keeps the start of what it stands for, also when another cluster imported it; uids differ then. Without a marker the files are what a run, or a deletion, left. */
async function ownsFiles(store: ObjectStore, { metadata, status }: Backup): Promise<boolean> {
  const stored = await storedBackup(store, metadata.name).catch((error: unknown) => {
    // What cannot be read has to be deleted all the same.
    if (error instanceof ApiError || error instanceof ArchiveError) return undefined
    throw error
  })
  if (stored === undefined) return startOf(status) !== undefined
  return startOf(stored.status) === startOf(status)
}

function startOf(status: BackupStatus | undefined): number | undefined {
  return typeof status?.startTimestamp === 'string' ? Date.parse(status.startTimestamp) : undefined
}
