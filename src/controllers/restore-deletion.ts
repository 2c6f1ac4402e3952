import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups } from '#api/backup.ts'
import { finalizerNames } from '#api/labels.ts'
import { Restores, type Restore } from '#api/restore.ts'
import type { Environment } from '#runtime/controller.ts'
import { deletePrefix } from '#store/delete-prefix.ts'
import { restorePrefix } from '#store/layout.ts'
import { StoreError } from '#store/store.ts'
import type { LocationStores } from './location-stores.ts'
import { patchLasting } from './status-patch.ts'

/** Removes the files of a deleted restore and lets go of it. Without its backup or location nobody knows where they are (spec/api-types §2). */
export async function cleanUpRestore(
  restore: Restore,
  environment: Environment,
  stores: LocationStores,
): Promise<void> {
  const { kube, namespace, signal } = environment
  const { name, finalizers = [], resourceVersion } = restore.metadata
  const { backupName } = restore.spec
  const backup = backupName ? await kube.find(Backups, backupName, { namespace, signal }) : undefined
  if (backup?.spec.storageLocation) await removeFiles(name, backup.spec.storageLocation, { environment, stores })
  const rest = finalizers.filter((one) => one !== finalizerNames.restore)
  const change = { metadata: { finalizers: rest, resourceVersion } }
  await patchLasting(kube, Restores, { name, namespace, change })
}

async function removeFiles(
  name: string,
  locationName: string,
  { environment, stores }: { environment: Environment; stores: LocationStores },
): Promise<void> {
  const { kube, namespace, signal, log } = environment
  const location = await kube.find(BackupStorageLocations, locationName, { namespace, signal })
  if (location === undefined) return
  try {
    const store = await stores.open(location)
    try {
      await deletePrefix(store, restorePrefix(name))
    } finally {
      await store.close()
    }
  } catch (error) {
    // Unlike a store that does not answer, these will not change by waiting.
    const readOnly = location.spec.accessMode === 'ReadOnly'
    if (!(error instanceof StoreError) || !(error.problem === 'invalid' || (readOnly && error.problem === 'denied')))
      throw error
    log.warn({ restore: name, location: locationName, error: error.message }, 'files of a deleted restore stay')
  }
}
