import { decodeListGz, encodeJsonGz, isMap } from './json-gz.ts'
import type { StoredBytes } from './json-gz.ts'

/** One snapshot that a provider took, or did not, by its own API: an entry of a `-volumesnapshots.json.gz` (spec/object-store §9). */
export interface NativeSnapshot {
  readonly spec: {
    readonly backupName: string
    readonly backupUID: string
    /** The VolumeSnapshotLocation, in whose cluster a restore looks for one of the same name. */
    readonly location: string
    readonly persistentVolumeName: string
    readonly providerVolumeID: string
    readonly volumeType: string
    readonly volumeAZ?: string | undefined
    readonly volumeIOPS?: number | undefined
  }
  readonly status: {
    readonly providerSnapshotID?: string | undefined
    readonly phase?: 'New' | 'Completed' | 'Failed' | undefined
  }
}

/** The bytes of a `-volumesnapshots.json.gz`; null where no list was made, as Velero. */
export async function encodeVolumeSnapshots(snapshots: readonly NativeSnapshot[]): Promise<Uint8Array> {
  return await encodeJsonGz(snapshots.length === 0 ? null : snapshots)
}

/** The snapshots in a `-volumesnapshots.json.gz`; what has no spec is left out. */
export async function decodeVolumeSnapshots(bytes: StoredBytes): Promise<NativeSnapshot[]> {
  const values = await decodeListGz(bytes, { name: 'the list of volume snapshots' })
  return values.flatMap((value) => {
    if (!isMap(value) || !isMap(value['spec'])) return []
    return [{ spec: value['spec'], status: isMap(value['status']) ? value['status'] : {} } as unknown as NativeSnapshot]
  })
}
