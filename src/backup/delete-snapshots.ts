import { decodeVolumeSnapshots, type NativeSnapshot } from '#archive/volume-snapshots.ts'
import { findObject } from '#store/find.ts'
import { backupKey } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import { atMost } from '#volumes/at-most.ts'
import { noSnapshotter, SnapshotError, type OpenSnapshotter, type VolumeSnapshotter } from '#volumes/snapshotter.ts'
import type { DeletedSnapshots } from '#volumes/stored-snapshots.ts'

const AT_ONCE = 10

/** Deletes the provider's snapshots of the backup `name` that `store` knows of. A location that cannot be opened is a problem that may pass, as in Velero. Doing it again is the same as once. Rejects with StoreError or ArchiveError. */
export async function deleteNativeSnapshots(
  store: ObjectStore,
  name: string,
  { open = noSnapshotter, signal }: { open: OpenSnapshotter | undefined; signal?: AbortSignal | undefined },
): Promise<DeletedSnapshots> {
  const bytes = await findObject(store, backupKey(name, 'volume-snapshots'), { signal })
  const snapshots = bytes === undefined ? [] : await decodeVolumeSnapshots(bytes)
  const ends: DeletedSnapshots[] = []
  for (const [location, ofLocation] of Map.groupBy(snapshots, ({ spec }) => spec.location)) {
    ends.push(await deleteAt(location, { ofLocation, open, signal }))
  }
  const deleted = ends.reduce((sum, end) => sum + end.deleted, 0)
  return { deleted, problems: ends.flatMap(({ problems }) => problems), unreachable: [] }
}

interface AtLocation {
  readonly ofLocation: readonly NativeSnapshot[]
  readonly open: OpenSnapshotter
  readonly signal: AbortSignal | undefined
}

async function deleteAt(location: string, { ofLocation, open, signal }: AtLocation): Promise<DeletedSnapshots> {
  const ids = ofLocation.flatMap(({ status }) => status.providerSnapshotID || [])
  if (ids.length === 0) return { deleted: 0, problems: [], unreachable: [] }
  let snapshotter: VolumeSnapshotter
  try {
    snapshotter = await open(location)
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error
    return {
      deleted: 0,
      problems: [`snapshots ${ids.join(', ')} cannot be deleted: ${error.message}`],
      unreachable: [],
    }
  }
  const inTurn = atMost(AT_ONCE)
  try {
    const ends = await Promise.all(ids.map((id) => inTurn(() => problemOf(() => snapshotter.delete(id, signal)))))
    const problems = ends.filter((problem) => problem !== undefined)
    return { deleted: ids.length - problems.length, problems, unreachable: [] }
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
