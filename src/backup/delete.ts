import { deletePrefix } from '#store/delete-prefix.ts'
import { backupKey, backupPrefix } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'

/**
 * Deletes every file of a backup. The marker goes first: a deletion that is cut off leaves a folder that nobody takes for a
 * backup, and doing it again ends it. Rejects with StoreError.
 */
export async function deleteBackupFiles(store: ObjectStore, name: string): Promise<void> {
  await store.delete(backupKey(name, 'metadata'))
  await deletePrefix(store, backupPrefix(name))
}
