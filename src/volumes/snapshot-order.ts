import { apiVersionOf } from '#kube/object.ts'
import { VolumeSnapshots, type VolumeSnapshot } from './snapshot-types.ts'

/** One snapshot to be taken; a VolumeSnapshot of that name that is there already is taken over. */
export interface SnapshotOrder {
  readonly namespace: string
  readonly name: string
  readonly claim: string
  readonly snapshotClass: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** The application stands still for it, so an error of the driver is not borne for long. */
  readonly hurried?: boolean | undefined
}

/** The VolumeSnapshot that asks for it. */
export function orderedSnapshot({
  namespace,
  name,
  claim,
  snapshotClass,
  labels,
  annotations,
}: SnapshotOrder): VolumeSnapshot {
  return {
    apiVersion: apiVersionOf(VolumeSnapshots),
    kind: VolumeSnapshots.kind,
    metadata: { name, namespace, labels: { ...labels }, annotations: { ...annotations } },
    spec: { source: { persistentVolumeClaimName: claim }, volumeSnapshotClassName: snapshotClass },
  }
}
