import type { PodVolumeBackup } from '#api/pod-volume-backup.ts'
import type { VolumeInfo } from '#archive/volume-info.ts'

/** What stands in place of what only `--details` tell. */
export const SEE_DETAILS = 'see --details'

/** One fact about a snapshot: how descriptions call it, its key in JSON, and what it is. */
export type VolumeFact = readonly [label: string, key: string, value: string | number]

/** A snapshot and all that is known of it. */
export interface DescribedSnapshot {
  /** The persistent volume of a native snapshot, `namespace/claim` of a CSI one. */
  readonly name: string
  /** What became of the data; a moved CSI snapshot is in the repository, and no longer in the storage. */
  readonly kind: 'native' | 'snapshot' | 'data-movement'
  readonly facts: readonly VolumeFact[]
}

/** The provider's snapshots, in the order of the file. */
export function nativeSnapshots(volumes: readonly VolumeInfo[]): DescribedSnapshot[] {
  return ofMethod(volumes, 'NativeSnapshot').map((volume): DescribedSnapshot => {
    const info = part(volume, 'nativeSnapshotInfo')
    const facts: VolumeFact[] = [
      ['Snapshot ID', 'snapshotID', text(info['snapshotHandle'])],
      ['Type', 'type', text(info['volumeType'])],
      ['Availability Zone', 'availabilityZone', text(info['volumeAZ'])],
      ['IOPS', 'IOPS', text(info['iops'])],
      ['Result', 'result', text(volume['result'])],
    ]
    return { name: volume.pvName ?? '', kind: 'native', facts }
  })
}

/** As `nativeSnapshots`, the CSI snapshots. */
export function csiSnapshots(volumes: readonly VolumeInfo[]): DescribedSnapshot[] {
  return ofMethod(volumes, 'CSISnapshot').flatMap((volume) => {
    const name = `${volume.pvcNamespace ?? ''}/${volume.pvcName ?? ''}`
    const moved = volume['snapshotDataMoved'] === true
    const kept = !moved || volume['preserveLocalSnapshot'] === true
    return [
      ...(kept ? [{ name, kind: 'snapshot', facts: localFacts(volume) } as const] : []),
      ...(moved ? [{ name, kind: 'data-movement', facts: movementFacts(volume) } as const] : []),
    ]
  })
}

/** Volumes whose data stay out, each with the reasons as the backup has them; in the order of the file. */
export function leftOutVolumes(volumes: readonly VolumeInfo[]): { name: string; reason: string }[] {
  return volumes
    .filter((volume) => volume['skipped'] === true)
    .map((volume) => {
      const { pvcName, pvcNamespace = '', pvName = '' } = volume
      return {
        name: pvcName === undefined ? pvName : `${pvcNamespace}/${pvcName}`,
        reason: text(volume['skippedReason']).replace(/;$/, ''),
      }
    })
}

function localFacts(volume: VolumeInfo): VolumeFact[] {
  const info = part(volume, 'csiSnapshotInfo')
  return withoutEmpty([
    ['Operation ID', 'operationID', text(info['operationID'])],
    ['Snapshot Content Name', 'snapshotContentName', text(info['vscName'])],
    ['Storage Snapshot ID', 'storageSnapshotID', text(info['snapshotHandle'])],
    ['Snapshot Size (bytes)', 'snapshotSize(bytes)', number(info['size'])],
    ['CSI Driver', 'csiDriver', text(info['driver'])],
    ['Result', 'result', text(volume['result'])],
  ])
}

function movementFacts(volume: VolumeInfo): VolumeFact[] {
  const info = part(volume, 'snapshotDataMovementInfo')
  return withoutEmpty([
    ['Operation ID', 'operationID', text(info['operationID'])],
    ['Data Mover', 'dataMover', text(info['dataMover']) || 'velero'],
    ['Uploader Type', 'uploaderType', text(info['uploaderType'])],
    ['Moved data Size (bytes)', 'size', number(info['size'])],
    ['Incremental data Size (bytes)', 'incrementalSize', number(info['incrementalSize'])],
    ['Result', 'result', text(volume['result'])],
  ])
}

/** Copies of pod volumes that are in one state, in Velero's order of states. */
export interface CopyGroup {
  readonly title: string
  readonly copies: readonly PodVolumeBackup[]
}

const copyPhases = [
  ['Completed', 'Completed'],
  ['Failed', 'Failed'],
  ['Canceled', 'Canceled'],
  ['InProgress', 'In Progress'],
  ['Canceling', 'Canceling'],
  ['Prepared', 'Prepared'],
  ['Accepted', 'Accepted'],
  ['New', 'New'],
] as const

/** The copies by their state; states in which none is are left out. */
export function copyGroups(copies: readonly PodVolumeBackup[]): CopyGroup[] {
  return copyPhases
    .map(([phase, title]) => ({ title, copies: copies.filter(({ status }) => (status?.phase || 'New') === phase) }))
    .filter((group) => group.copies.length > 0)
}

/** The copies of a group by pod: `namespace/pod` and what there is to say of each of its volumes. */
export function copiesByPod(group: CopyGroup): [pod: string, volumes: string][] {
  const byPod = Map.groupBy(group.copies, ({ spec }) => `${spec.pod.namespace ?? ''}/${spec.pod.name ?? ''}`)
  return [...byPod]
    .map(([pod, copies]): [string, string] => [pod, copies.map(copyText).join(', ')])
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function copyText({ spec, status }: PodVolumeBackup): string {
  const { totalBytes = 0, bytesDone = 0 } = status?.progress ?? {}
  if (status?.phase === 'Completed') {
    const incremental = Number(status.incrementalBytes ?? 0)
    return `${spec.volume} (size: ${totalBytes}${incremental > 0 ? `, incremental size: ${incremental}` : ''})`
  }
  const runs = status?.phase === 'InProgress' && Number(totalBytes) > 0
  return runs ? `${spec.volume} (${((Number(bytesDone) / Number(totalBytes)) * 100).toFixed(2)}%)` : spec.volume
}

function ofMethod(volumes: readonly VolumeInfo[], method: string): VolumeInfo[] {
  return volumes.filter(({ backupMethod }) => backupMethod === method)
}

function withoutEmpty(facts: readonly VolumeFact[]): VolumeFact[] {
  return facts.filter(([, , value]) => value !== '')
}

function part(volume: VolumeInfo, key: string): Record<string, unknown> {
  const value = volume[key]
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
