import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups } from '#api/backup.ts'
import { finalizerNames } from '#api/labels.ts'
import { Restores, type Restore } from '#api/restore.ts'
import type { Environment } from '#runtime/controller.ts'
import { deletePrefix } from '#store/delete-prefix.ts'
import { restorePrefix } from '#store/layout.ts'
import { StoreError } from '#store/store.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LocationStores } from './location-stores.ts'
import { patchLasting } from './status-patch.ts'

/** Tells when a Restore that is being run is deleted; looks until it is disposed. */
export interface Deletion extends AsyncDisposable {
  readonly signal: AbortSignal
}

const LOOK_MS = 2000

/** Looks every two seconds: a controller hears nothing of an object that it is working on. */
export function deletionOf({ metadata }: Restore, { kube, namespace }: Environment): Deletion {
  const deleted = new AbortController()
  const stop = new AbortController()
  const { signal } = stop
  const isDeleted = async (): Promise<boolean> => {
    const live = await kube.find(Restores, metadata.name, { namespace, signal })
    return live?.metadata.uid !== metadata.uid || live?.metadata.deletionTimestamp !== undefined
  }
  const look = async (): Promise<void> => {
    while (!signal.aborted && !deleted.signal.aborted) {
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined)
      // An API server that is away is the restore's own trouble, and it says so better.
      if (!signal.aborted && (await isDeleted().catch(() => false))) deleted.abort(new Error('the Restore was deleted'))
    }
  }
  const looking = look()
  return {
    signal: deleted.signal,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await looking
    },
  }
}

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
