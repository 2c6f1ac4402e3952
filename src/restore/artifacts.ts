import { readObject } from '#api/read.ts'
import { Restores, type Restore } from '#api/restore.ts'
import { encodeItemOperations, type RestoreOperation } from '#archive/item-operations.ts'
import { type ResourceListBuilder, encodeResourceList } from '#archive/resource-list.ts'
import { encodeResults } from '#archive/results.ts'
import type { Results } from '#archive/results.ts'
import { encodeVolumeInfo, type VolumeInfo } from '#archive/volume-info.ts'
import { parseJson } from '#kube/json.ts'
import { findObject } from '#store/find.ts'
import { type RestoreArtifact, restoreKey, restorePrefix } from '#store/layout.ts'
import { deletePrefix } from '#store/delete-prefix.ts'
import type { Bytes, ObjectStore } from '#store/store.ts'

export interface RestoreArtifacts {
  /** With its final status. */
  restore: Restore
  log: AsyncIterable<Uint8Array>
  results: Results
  resourceList: Pick<ResourceListBuilder, 'entries'>
  operations: readonly RestoreOperation[]
  volumes: readonly VolumeInfo[]
}

/** True when anything of a restore with this name is in the store. Rejects with StoreError. */
export async function restoreIsStored(store: ObjectStore, name: string): Promise<boolean> {
  for await (const _ of store.list(restorePrefix(name))) return true
  return false
}

/**
 * Takes up a restore whose run was cut off: gives its record when only the news of its end was lost. Otherwise deletes the
 * artifacts that it had begun to write. Touches nothing of another restore with the same name. Rejects with StoreError.
 */
export async function takeUp(store: ObjectStore, { metadata }: Restore): Promise<Restore | undefined> {
  const stored = await storedRestore(store, metadata.name)
  if (stored !== undefined) return stored.metadata.uid === metadata.uid ? stored : undefined
  await deletePrefix(store, restorePrefix(metadata.name))
  return undefined
}

/** The Restore in the store under `name`; undefined when there is none, or only artifacts that Velero wrote. Rejects with StoreError. */
export async function storedRestore(store: ObjectStore, name: string): Promise<Restore | undefined> {
  const bytes = await findObject(store, restoreKey(name, 'metadata'))
  return bytes && readObject(Restores, parseJson(Buffer.concat(await Array.fromAsync(bytes)).toString()))
}

/** Writes the artifacts of a restore in Velero's order, our own record last (spec/object-store §14). All of them, or none: rejects with StoreError or the signal's reason. */
export async function storeArtifacts(
  { restore, log, results, resourceList, operations, volumes }: RestoreArtifacts,
  { store, signal }: { store: ObjectStore; signal?: AbortSignal | undefined },
): Promise<void> {
  const artifacts: [RestoreArtifact, Bytes][] = [
    ['logs', log],
    ['results', await encodeResults(results)],
    ['resource-list', encodeResourceList(resourceList)],
    ['item-operations', await encodeItemOperations(operations)],
    ['volume-info', await encodeVolumeInfo(volumes)],
    ['metadata', Buffer.from(JSON.stringify(restore, undefined, 2))],
  ]
  const written: string[] = []
  try {
    for (const [artifact, body] of artifacts) {
      const key = restoreKey(restore.metadata.name, artifact)
      await store.put(key, body, { signal })
      written.push(key)
    }
  } catch (error) {
    // What is half there would be taken for a restore's record. A store that fails again here has said why already.
    await Promise.allSettled(written.map((key) => store.delete(key)))
    throw error
  }
}
