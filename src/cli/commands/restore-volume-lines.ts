import { indented, type Line } from '../describe.ts'

/** What a restore's volume info says about one volume, as far as a description shows it (spec/restore.md §13). */
export interface RestoredVolume {
  readonly pvcName?: string
  readonly pvcNamespace?: string
  readonly restoreMethod?: string
  readonly snapshotDataMoved?: boolean
  readonly csiSnapshotInfo?: { readonly vscName?: string; readonly snapshotHandle?: string; readonly driver?: string }
  readonly snapshotDataMovementInfo?: {
    readonly operationID?: string
    readonly dataMover?: string
    readonly uploaderType?: string
  }
}

/** The section of volumes that came from CSI snapshots, those whose data were moved last; nothing without volume info. */
export function restoredVolumeLines(volumes: readonly RestoredVolume[] | undefined, details: boolean): Line[] {
  if (volumes === undefined) return []
  const csi = volumes.filter(({ restoreMethod }) => restoreMethod === 'CSISnapshot')
  if (csi.length === 0) return ['', 'CSI Snapshot Restores: <none included>']
  const [kept, moved] = [false, true].map((wanted) => csi.filter((one) => (one.snapshotDataMoved ?? false) === wanted))
  const lines = [
    ...(kept ?? []).flatMap((one) => keptLines(one, details)),
    ...(moved ?? []).flatMap((one) => movedLines(one, details)),
  ]
  return ['', { heading: 'CSI Snapshot Restores:', lines }]
}

function keptLines(volume: RestoredVolume, details: boolean): string[] {
  const { vscName = '', snapshotHandle = '', driver = '' } = volume.csiSnapshotInfo ?? {}
  return block(volume, {
    title: 'Snapshot',
    details,
    lines: [`Snapshot Content Name: ${vscName}`, `Storage Snapshot ID: ${snapshotHandle}`, `CSI Driver: ${driver}`],
  })
}

function movedLines(volume: RestoredVolume, details: boolean): string[] {
  const { operationID = '', dataMover = '', uploaderType = '' } = volume.snapshotDataMovementInfo ?? {}
  return block(volume, {
    title: 'Data Movement',
    details,
    lines: [`Operation ID: ${operationID}`, `Data Mover: ${dataMover}`, `Uploader Type: ${uploaderType}`],
  })
}

function block(
  { pvcNamespace, pvcName }: RestoredVolume,
  { title, details, lines }: { title: string; details: boolean; lines: readonly string[] },
): string[] {
  const body = details ? [`${title}:`, ...indented(lines)] : [`${title}: see --details`]
  return [`${pvcNamespace}/${pvcName}:`, ...indented(body)]
}
