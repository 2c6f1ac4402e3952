import { decodeVolumeSnapshots, type NativeSnapshot } from '#archive/volume-snapshots.ts'
import { findObject } from '#store/find.ts'
import { backupKey } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import { atMost } from '#volumes/at-most.ts'
import { SnapshotError, type OpenSnapshotter, type VolumeSnapshotter } from '#volumes/snapshotter.ts'

const AT_ONCE = 10

/** Deletes the provider's snapshots of the backup `name` that `store` knows of. Gives a sentence for each that is still there; doing it again is the same as once. Rejects with StoreError or ArchiveError. */
export async function deleteNativeSnapshots(
  store: ObjectStore,
  name: string,
  { open, signal }: { open: OpenSnapshotter; signal?: AbortSignal | undefined },
): Promise<string[]> {
  const bytes = await findObject(store, backupKey(name, 'volume-snapshots'), { signal })
  const snapshots = bytes === undefined ? [] : await decodeVolumeSnapshots(bytes)
  const byLocation = Map.groupBy(snapshots, ({ spec }) => spec.location)
  const problems: string[] = []
  for (const [location, ofLocation] of byLocation)
    problems.push(...(await deleteAt(location, { ofLocation, open, signal })))
  return problems
}

async function deleteAt(
  location: string,
  {
    ofLocation,
    open,
    signal,
  }: { ofLocation: readonly NativeSnapshot[]; open: OpenSnapshotter; signal: AbortSignal | undefined },
): Promise<string[]> {
  const ids = ofLocation.flatMap(({ status }) => status.providerSnapshotID || [])
  if (ids.length === 0) return []
  let snapshotter: VolumeSnapshotter
  try {
    snapshotter = await open(location)
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error
    return [`snapshots ${ids.join(', ')} cannot be deleted: ${error.message}`]
  }
  const inTurn = atMost(AT_ONCE)
  try {
    const ends = await Promise.all(ids.map((id) => inTurn(() => problemOf(() => snapshotter.delete(id, signal)))))
    return ends.filter((problem) => problem !== undefined)
  } finally {
    await snapshotter.close()
  }
}

async function problemOf(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error
    return error.message
  }
}
