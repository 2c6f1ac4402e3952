import type { Backup } from '#api/backup.ts'
import type { NativeSnapshot } from '#archive/volume-snapshots.ts'
import type { KubeObject } from '#kube/object.ts'
import { atMost } from '#volumes/at-most.ts'
import { SnapshotError, type OpenSnapshotter, type VolumeSnapshotter } from '#volumes/snapshotter.ts'
import { zoneOf } from '#volumes/volume-zone.ts'

/** What became of one volume. */
export type NativeResult =
  | { readonly is: 'taken'; readonly snapshot: NativeSnapshot }
  /** Without a record the provider was not even asked for a snapshot. */
  | { readonly is: 'failed'; readonly snapshot: NativeSnapshot | undefined; readonly reason: string }
  /** It is of none of the providers that the backup's locations stand for. */
  | { readonly is: 'unknown' }

/** The provider snapshots of one backup. Unless they are kept, dispose deletes them: then nothing speaks of them any more. */
export interface NativeSnapshots extends AsyncDisposable {
  /** Takes a snapshot of what is behind a PersistentVolume. What goes wrong is in the result; rejects only with the signal's reason. */
  take(volume: KubeObject): Promise<NativeResult>
  /** All that were asked of a provider, by name of the PersistentVolume. */
  records(): NativeSnapshot[]
  /** To be called when the backup is in the store, or for a failure to say so. */
  keep(): void
}

export interface NativeSnapshotOptions {
  readonly backup: Backup
  readonly open: OpenSnapshotter
  readonly signal?: AbortSignal | undefined
}

/** A provider that is asked for more at once asks to slow down. */
const AT_ONCE = 10

/** On each snapshot: the Backup object that it was taken for. A name may belong to two clusters of one account. */
const uidTag = 'lifeboat.dev/backup-uid'

/** No snapshots yet; no provider is asked before the first. */
export function openNativeSnapshots({ backup, open, signal }: NativeSnapshotOptions): NativeSnapshots {
  const inTurn = atMost(AT_ONCE)
  const opened = new Map<string, Promise<VolumeSnapshotter>>()
  const taken: NativeSnapshot[] = []
  let kept = false
  const atLocation = (name: string): Promise<VolumeSnapshotter> => {
    const known = opened.get(name) ?? openCleared(name, { backup, open, signal })
    opened.set(name, known)
    return known
  }
  return {
    take: (volume) =>
      inTurn(async () => {
        const result = await takeAt(volume, { backup, atLocation, signal })
        if ('snapshot' in result && result.snapshot !== undefined) taken.push(result.snapshot)
        return result
      }),
    records: () => taken.toSorted((a, b) => (a.spec.persistentVolumeName < b.spec.persistentVolumeName ? -1 : 1)),
    keep: () => void (kept = true),
    async [Symbol.asyncDispose]() {
      for (const [location, opening] of opened) {
        const snapshotter = await opening.catch(() => undefined)
        const ids = kept
          ? []
          : taken.filter(({ spec }) => spec.location === location).map(({ status }) => status.providerSnapshotID)
        // The run has failed for another reason, which is the one to be told; the next one by this Backup deletes what is left.
        for (const id of ids) if (id) await snapshotter?.delete(id).catch(() => undefined)
        await snapshotter?.close()
      }
    },
  }
}

/** The location, without what an earlier run for this very Backup left there: its snapshots are older than what is read now. */
async function openCleared(name: string, { backup, open, signal }: NativeSnapshotOptions): Promise<VolumeSnapshotter> {
  const snapshotter = await open(name)
  const { uid } = backup.metadata
  if (uid === undefined) return snapshotter
  try {
    const tags = { [uidTag]: uid, 'velero.io/backup': backup.metadata.name }
    for (const id of await snapshotter.tagged(tags, signal)) await snapshotter.delete(id, signal)
    return snapshotter
  } catch (error) {
    await snapshotter.close()
    throw error
  }
}

interface Taking {
  readonly backup: Backup
  readonly atLocation: (name: string) => Promise<VolumeSnapshotter>
  readonly signal: AbortSignal | undefined
}

/** The first location whose provider knows the volume takes it (spec/backup §6.4). */
async function takeAt(volume: KubeObject, taking: Taking): Promise<NativeResult> {
  const reasons: string[] = []
  for (const location of taking.backup.spec.volumeSnapshotLocations ?? []) {
    try {
      const snapshotter = await taking.atLocation(location)
      const volumeId = snapshotter.volumeId(volume)
      if (volumeId !== undefined) return await takeOf(volume, { volumeId, location, snapshotter, ...taking })
    } catch (error) {
      if (!(error instanceof SnapshotError)) throw error
      reasons.push(error.message)
    }
  }
  return reasons.length === 0 ? { is: 'unknown' } : { is: 'failed', snapshot: undefined, reason: reasons.join('; ') }
}

async function takeOf(
  volume: KubeObject,
  at: Taking & { volumeId: string; location: string; snapshotter: VolumeSnapshotter },
): Promise<NativeResult> {
  const { backup, volumeId, location, snapshotter, signal } = at
  const { name, uid = '', labels } = backup.metadata
  const { type, iops } = await snapshotter.features(volumeId, signal)
  const volumeAZ = zoneOf(volume)
  const spec = {
    backupName: name,
    backupUID: uid,
    location,
    persistentVolumeName: volume.metadata.name,
    providerVolumeID: volumeId,
    volumeType: type,
    ...(volumeAZ === '' ? {} : { volumeAZ }),
    ...(iops === undefined ? {} : { volumeIOPS: iops }),
  }
  const tags = {
    ...labels,
    'velero.io/backup': name,
    'velero.io/pv': volume.metadata.name,
    ...(uid === '' ? {} : { [uidTag]: uid }),
  }
  try {
    const providerSnapshotID = await snapshotter.take({ volumeId, tags, signal })
    return { is: 'taken', snapshot: { spec, status: { providerSnapshotID, phase: 'Completed' } } }
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error
    return { is: 'failed', snapshot: { spec, status: { phase: 'Failed' } }, reason: error.message }
  }
}
