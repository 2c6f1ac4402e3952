import { decodeListGz, encodeJsonGz, isMap } from './json-gz.ts'
import type { StoredBytes } from './json-gz.ts'

/** What happened to one volume in a backup or restore; the fields are in docs/format.md. Unknown fields are kept. */
export type VolumeInfo = Record<string, unknown> & {
  pvcName?: string
  pvcNamespace?: string
  pvName?: string
  /** `NativeSnapshot`, `PodVolumeBackup` or `CSISnapshot`; absent when the volume was skipped. */
  backupMethod?: string
  /** Of a CSI snapshot: its data are in the repository, and it is gone. */
  snapshotDataMoved?: boolean
}

/** The bytes of a `-volumeinfo.json.gz`. */
export async function encodeVolumeInfo(volumes: readonly VolumeInfo[]): Promise<Uint8Array> {
  return await encodeJsonGz(volumes)
}

/** The volumes in a `-volumeinfo.json.gz`. */
export async function decodeVolumeInfo(bytes: StoredBytes): Promise<VolumeInfo[]> {
  const values = await decodeListGz(bytes, { name: 'the volume info' })
  return values.filter(isMap)
}
