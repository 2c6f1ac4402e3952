import type { Backup } from '#api/backup.ts'
import { labelKeys } from '#api/labels.ts'
import type { RunLog } from '#archive/run-log.ts'
import type { VolumeInfo } from '#archive/volume-info.ts'
import type { Unprotected } from '#items/volume-protection.ts'
import type { SnapshotState } from '#volumes/snapshot-run.ts'
import type { SnapshotOperation } from './snapshot-operations.ts'
import type { NativeSnapshots } from './native-snapshots.ts'
import { nativeInfo, skippedInfo, snapshotInfo } from './volume-infos.ts'
import type { PlannedVolume } from './volume-planner.ts'

/** What came of one volume of the backup. */
export interface VolumeEnd {
  readonly planned: PlannedVolume
  /** Of its CSI snapshot; undefined when none was to be taken. */
  readonly state: SnapshotState | undefined
  readonly operation: SnapshotOperation | undefined
}

export interface ReportOptions {
  readonly backup: Backup
  readonly natives: Pick<NativeSnapshots, 'resultOf'>
  /** Whether the cluster makes snapshots of groups. */
  readonly groupsServed: boolean
  readonly log: RunLog
  readonly now: () => Date
}

/** Says in the log what became of the data of each volume, as an error where they were asked for. Gives the entries of the volume info. */
export function reportVolumes(ends: readonly VolumeEnd[], options: ReportOptions): VolumeInfo[] {
  if (!options.groupsServed) warnOfGroups(ends, options)
  return ends.map((end) => reportOne(end, options))
}

function reportOne({ planned, state, operation }: VolumeEnd, { backup, natives, log, now }: ReportOptions): VolumeInfo {
  const { claim, volume, protection } = planned
  const { namespace = '', name = '' } = (claim ?? volume)?.metadata ?? {}
  const fields = { resource: claim === undefined ? 'persistentvolumes' : 'persistentvolumeclaims', namespace, name }
  if (state?.is === 'ready' && operation !== undefined) {
    return snapshotInfo(planned, state, { ...operation, updated: operation.ended ?? now() })
  }
  if (state !== undefined) {
    const text = state.is === 'failed' ? state.reason : 'its snapshot did not get ready'
    log.error('Not in this backup, since its data could not be snapshotted', { ...fields, error: text })
    return skippedInfo(planned, { approach: 'csiSnapshot', text })
  }
  const native = natives.resultOf(volume?.metadata.name ?? '')
  if (native?.is === 'failed')
    log.error('No snapshot could be taken of this volume', { ...fields, error: native.reason })
  if (native?.is === 'taken' && native.withoutCopy !== undefined)
    log.error('The snapshot of this volume is not copied', { ...fields, error: native.withoutCopy })
  if (native !== undefined && native.is !== 'unknown') return nativeInfo(planned, native.snapshot)
  const left = protection.by === 'nothing' ? protection : unknownVolume(backup)
  log[left.severity]('The data of this volume are not in the backup', { ...fields, error: left.text })
  return skippedInfo(planned, left)
}

/** Of a volume for which no location is. */
function unknownVolume({ spec }: Backup): Pick<Unprotected, 'approach' | 'severity' | 'text'> {
  const text = `no VolumeSnapshotLocation of this backup is for its kind of volume: ${(spec.volumeSnapshotLocations ?? []).join(', ')}`
  return { approach: 'volumeSnapshot', severity: spec.snapshotVolumes === true ? 'error' : 'warning', text }
}

/** Who labels volumes as a group wants more than the same moment. */
function warnOfGroups(ends: readonly VolumeEnd[], { backup, log }: ReportOptions): void {
  const key = backup.spec.volumeGroupSnapshotLabelKey || labelKeys.volumeGroup
  const groups = new Map<string, { namespace: string; group: string }>()
  for (const { planned, state } of ends) {
    const { namespace = '', labels = {} } = planned.claim?.metadata ?? {}
    const group = labels[key]
    if (group !== undefined && state !== undefined) groups.set(`${namespace}/${group}`, { namespace, group })
  }
  for (const { namespace, group } of groups.values()) {
    const message = `The volumes of group ${group} are snapshotted one by one, at the same moment: the cluster serves no groupsnapshot.storage.k8s.io`
    log.warning(message, { resource: 'persistentvolumeclaims', namespace })
  }
}
