import type { Backup } from '#api/backup.ts'
import type { NativeSnapshot } from '#archive/volume-snapshots.ts'
import type { KubeObject } from '#kube/object.ts'
import { atMost } from '#volumes/at-most.ts'
import { noSnapshotter, SnapshotError, type OpenSnapshotter, type VolumeSnapshotter } from '#volumes/snapshotter.ts'
import { zoneOf } from '#volumes/volume-zone.ts'

/** What became of one volume. */
export type NativeResult =
  | {
      readonly is: 'taken'
      readonly snapshot: NativeSnapshot
      /** Why the location's copy of it is not made, which does not make the backup useless where it is. */
      readonly withoutCopy?: string | undefined
    }
  | { readonly is: 'failed'; readonly snapshot: NativeSnapshot; readonly reason: string }
  /** It is of none of the providers that the backup's locations stand for. */
  | { readonly is: 'unknown' }

/** The provider snapshots of one backup. Unless they are kept, dispose deletes them: then nothing speaks of them any more. */
export interface NativeSnapshots extends AsyncDisposable {
  /** Begins with a snapshot of what is behind a PersistentVolume; once for each. */
  begin(volume: KubeObject): void
  /** Resolves when every snapshot that was begun is taken or has failed. Rejects only with the signal's reason. */
  taken(): Promise<void>
  /** Resolves when the copies of all that were taken are begun, where locations want some, or have failed. Rejects only with the signal's reason. */
  copied(): Promise<void>
  /** Undefined for a volume that was not begun with. */
  resultOf(name: string): NativeResult | undefined
  /** Of all volumes that a location knows, by name of the PersistentVolume. */
  records(): NativeSnapshot[]
  /** To be called when the backup is in the store. */
  keep(): void
}

export interface NativeSnapshotOptions {
  readonly backup: Backup
  /** Absent where there are no locations. */
  readonly open: OpenSnapshotter | undefined
  readonly signal?: AbortSignal | undefined
}

/** A provider that is asked for more at once asks to slow down. */
const AT_ONCE = 10

/** On each snapshot: the Backup object that it was taken for. A name may belong to two clusters of one account. */
const uidTag = 'lifeboat.dev/backup-uid'

/** No snapshots yet; no provider is asked before the first. */
export function openNativeSnapshots(options: NativeSnapshotOptions): NativeSnapshots {
  const inTurn = atMost(AT_ONCE)
  const opened = new Map<string, Promise<VolumeSnapshotter>>()
  const begun = new Map<string, Promise<void>>()
  const results = new Map<string, NativeResult>()
  const copies: Promise<void>[] = []
  let kept = false
  const atLocation = (name: string): Promise<VolumeSnapshotter> => {
    const known = opened.get(name) ?? openCleared(name, options)
    opened.set(name, known)
    return known
  }
  const copy = (name: string, taken: Extract<NativeResult, { is: 'taken' }>): void => {
    const copying = copyOf(taken.snapshot, { ...options, atLocation }).then((withoutCopy) => {
      if (withoutCopy !== undefined) results.set(name, { ...taken, withoutCopy })
    })
    // Whoever waits hears of it.
    copying.catch(() => undefined)
    copies.push(copying)
  }
  const records = (): NativeSnapshot[] => {
    const all = [...results.values()].flatMap((result) => (result.is === 'unknown' ? [] : result.snapshot))
    return all.toSorted((a, b) => (a.spec.persistentVolumeName < b.spec.persistentVolumeName ? -1 : 1))
  }
  return {
    begin(volume) {
      const { name } = volume.metadata
      if (begun.has(name)) return
      const work = inTurn(() => takeAt(volume, { ...options, atLocation })).then((result) => {
        results.set(name, result)
        if (result.is === 'taken') copy(name, result)
      })
      // Whoever waits hears of it.
      work.catch(() => undefined)
      begun.set(name, work)
    },
    taken: async () => void (await Promise.all(begun.values())),
    copied: async () => void (await Promise.all(copies)),
    resultOf: (name) => results.get(name),
    records,
    keep: () => void (kept = true),
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(begun.values())
      await Promise.allSettled(copies)
      for (const [location, opening] of opened) {
        const snapshotter = await opening.catch(() => undefined)
        const ofLocation = kept ? [] : records().filter(({ spec }) => spec.location === location)
        // The run has failed for another reason, which is the one to be told; the next one by this Backup deletes what is left.
        for (const { status } of ofLocation) {
          if (status.providerSnapshotID) await snapshotter?.delete(status.providerSnapshotID).catch(() => undefined)
        }
        await snapshotter?.close()
      }
    },
  }
}

/** The location, without what an earlier run for this very Backup left there: its snapshots are older than what is read now. */
async function openCleared(
  name: string,
  { backup, open = noSnapshotter, signal }: NativeSnapshotOptions,
): Promise<VolumeSnapshotter> {
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

interface Taking extends NativeSnapshotOptions {
  readonly atLocation: (name: string) => Promise<VolumeSnapshotter>
}

/** Why no copy of it is made; undefined when it is, or none is wanted. */
async function copyOf({ spec, status }: NativeSnapshot, taking: Taking): Promise<string | undefined> {
  try {
    const snapshotter = await taking.atLocation(spec.location)
    await snapshotter.copy?.(status.providerSnapshotID ?? '', taking.signal)
    return undefined
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error
    return error.message
  }
}

/** The first location whose provider knows the volume takes it (spec/backup §6.4). */
async function takeAt(volume: KubeObject, taking: Taking): Promise<NativeResult> {
  let failure: NativeResult | undefined
  for (const location of taking.backup.spec.volumeSnapshotLocations ?? []) {
    const record = emptyRecord(volume, location, taking.backup)
    try {
      const snapshotter = await taking.atLocation(location)
      const volumeId = snapshotter.volumeId(volume)
      if (volumeId === undefined) continue
      return await takeOf(volumeId, { ...taking, record, snapshotter })
    } catch (error) {
      failure ??= failed(record, error)
    }
  }
  return failure ?? { is: 'unknown' }
}

function emptyRecord(
  volume: KubeObject,
  location: string,
  { metadata: { name, uid = '' } }: Backup,
): NativeSnapshot['spec'] {
  const volumeAZ = zoneOf(volume)
  return {
    backupName: name,
    backupUID: uid,
    location,
    persistentVolumeName: volume.metadata.name,
    providerVolumeID: '',
    volumeType: '',
    ...(volumeAZ === '' ? {} : { volumeAZ }),
  }
}

async function takeOf(
  providerVolumeID: string,
  { backup, record, snapshotter, signal }: Taking & { record: NativeSnapshot['spec']; snapshotter: VolumeSnapshotter },
): Promise<NativeResult> {
  const { name, uid, labels } = backup.metadata
  let spec: NativeSnapshot['spec'] = { ...record, providerVolumeID }
  try {
    const { type, iops } = await snapshotter.features(providerVolumeID, signal)
    spec = { ...spec, volumeType: type, ...(iops === undefined ? {} : { volumeIOPS: iops }) }
    const tags = {
      ...labels,
      'velero.io/backup': name,
      'velero.io/pv': spec.persistentVolumeName,
      ...(uid === undefined ? {} : { [uidTag]: uid }),
    }
    const providerSnapshotID = await snapshotter.take({ volumeId: providerVolumeID, tags, signal })
    return { is: 'taken', snapshot: { spec, status: { providerSnapshotID, phase: 'Completed' } } }
  } catch (error) {
    return failed(spec, error)
  }
}

/** A restore must not take the volume for one without data: the record says that there were some. */
function failed(spec: NativeSnapshot['spec'], error: unknown): NativeResult {
  if (!(error instanceof SnapshotError)) throw error
  return { is: 'failed', snapshot: { spec, status: { phase: 'Failed' } }, reason: error.message }
}
