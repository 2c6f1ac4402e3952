import { apiVersionOf } from '#kube/object.ts'
import { VolumeSnapshots, type VolumeSnapshot, type VolumeSnapshotContent } from './snapshot-types.ts'

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
  /** What is done to its content as soon as it is ready; without it that is only read. */
  readonly keeping?: ContentKeeping | undefined
}

/** A content that is kept has policy Retain: whatever happens to its VolumeSnapshot, the data stay in the storage. */
export interface ContentKeeping {
  /** The policy that it has before. */
  readonly deletionPolicy: string
  /** By them it is found when its VolumeSnapshot is gone. */
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** The merge patch that keeps a content. */
export function keptContent({ labels, annotations }: ContentKeeping): object {
  return { metadata: { labels, annotations }, spec: { deletionPolicy: 'Retain' } }
}

/** A content that is kept, as it was before, but for its marks. */
export function contentBefore(
  content: VolumeSnapshotContent,
  { deletionPolicy }: ContentKeeping,
): VolumeSnapshotContent {
  return { ...content, spec: { ...content.spec, deletionPolicy } }
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
