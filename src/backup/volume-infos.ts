import { timestamp } from '#api/timestamp.ts'
import type { VolumeInfo } from '#archive/volume-info.ts'
import type { NativeSnapshot } from '#archive/volume-snapshots.ts'
import { objectOf, textOf } from '#items/json.ts'
import { claimedBy } from '#items/related.ts'
import type { Unprotected } from '#items/volume-protection.ts'
import type { KubeObject } from '#kube/object.ts'
import type { TakenSnapshot } from './snapshot-items.ts'
import type { PlannedVolume } from './volume-planner.ts'

type Where = Pick<PlannedVolume, 'claim' | 'volume'>

/** The entry of a volume whose data are in a CSI snapshot (spec/object-store §11). */
export function snapshotInfo(
  where: Where,
  { snapshot, content }: TakenSnapshot,
  operation: { id: string; updated: Date; error: string | undefined },
): VolumeInfo {
  const { status } = content
  return {
    ...placeOf(where),
    backupMethod: 'CSISnapshot',
    snapshotDataMoved: false,
    preserveLocalSnapshot: true,
    skipped: false,
    ...(snapshot.status?.creationTime === undefined ? {} : { startTimestamp: snapshot.status.creationTime }),
    completionTimestamp: timestamp(operation.updated),
    result: operation.error === undefined ? 'succeeded' : 'failed',
    csiSnapshotInfo: {
      snapshotHandle: status?.snapshotHandle ?? '',
      size: status?.restoreSize ?? 0,
      driver: content.spec?.driver ?? '',
      vscName: content.metadata.name,
      operationID: operation.id,
      ReadyToUse: status?.readyToUse ?? null,
    },
    ...pvInfo(where.volume),
  }
}

/** The entry of a volume of which the provider was asked for a snapshot. */
export function nativeInfo(where: Where, { spec, status }: NativeSnapshot): VolumeInfo {
  return {
    ...placeOf(where),
    backupMethod: 'NativeSnapshot',
    snapshotDataMoved: false,
    preserveLocalSnapshot: false,
    skipped: false,
    result: status.phase === 'Completed' ? 'succeeded' : 'failed',
    nativeSnapshotInfo: {
      snapshotHandle: status.providerSnapshotID ?? '',
      volumeType: spec.volumeType,
      volumeAZ: spec.volumeAZ ?? '',
      iops: String(spec.volumeIOPS ?? 0),
      Phase: status.phase ?? '',
    },
    ...pvInfo(where.volume),
  }
}

/** The entry of a volume whose data stay out. */
export function skippedInfo(where: Where, { approach, text }: Pick<Unprotected, 'approach' | 'text'>): VolumeInfo {
  return {
    ...placeOf(where),
    snapshotDataMoved: false,
    preserveLocalSnapshot: false,
    skipped: true,
    skippedReason: `${approach}: ${text};`,
    ...pvInfo(where.volume),
  }
}

/** The claim by what the volume says, when the claim itself is not in the backup. */
function placeOf({ claim, volume }: Where): VolumeInfo {
  const owner = claim?.metadata ?? (volume && claimedBy(volume))
  return {
    ...(owner?.name === undefined ? {} : { pvcName: owner.name, pvcNamespace: owner.namespace ?? '' }),
    ...(volume === undefined ? {} : { pvName: volume.metadata.name }),
  }
}

function pvInfo(volume: KubeObject | undefined): { pvInfo?: { reclaimPolicy: string; labels: unknown } } {
  if (volume === undefined) return {}
  const reclaimPolicy = textOf(objectOf(volume['spec'])?.['persistentVolumeReclaimPolicy']) ?? ''
  return { pvInfo: { reclaimPolicy, labels: volume.metadata.labels ?? null } }
}
