// volumes/ takes, follows, brings back and deletes snapshots of volumes. What a backup consists of, where it is stored and why a
// volume is snapshotted it must never know.
import type { KubeObject, ResourceType } from '#kube/object.ts'

/** A wish for a snapshot of a claim, and what came of it. https://kubernetes.io/docs/concepts/storage/volume-snapshots/ */
export interface VolumeSnapshot extends KubeObject {
  spec?: {
    source?: { persistentVolumeClaimName?: string; volumeSnapshotContentName?: string }
    volumeSnapshotClassName?: string
  }
  status?: {
    boundVolumeSnapshotContentName?: string
    /** When the storage took it; set once it has a handle. */
    creationTime?: string
    readyToUse?: boolean
    restoreSize?: string
    /** Of the last attempt; goes away when a later one succeeds. */
    error?: { message?: string; time?: string } | null
    volumeGroupSnapshotName?: string
  }
}

/** The snapshot itself, as the cluster knows it. */
export interface VolumeSnapshotContent extends KubeObject {
  spec?: {
    deletionPolicy?: string
    driver?: string
    source?: { snapshotHandle?: string; volumeHandle?: string }
    sourceVolumeMode?: string
    volumeSnapshotClassName?: string
    volumeSnapshotRef?: Record<string, unknown>
  }
  status?: {
    /** What the driver calls it. */
    snapshotHandle?: string
    /** Nanoseconds since 1970; may be beyond 2^53. */
    creationTime?: unknown
    readyToUse?: boolean
    /** Bytes. */
    restoreSize?: unknown
    error?: { message?: string } | null
    volumeGroupSnapshotHandle?: string
  }
}

/** How snapshots of a driver are made. */
export interface VolumeSnapshotClass extends KubeObject {
  driver?: string
  deletionPolicy?: string
}

/** Of contents: the sidecar of the driver takes it off when it has done what there is to do in the storage. */
export const contentProtection = 'snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection'

const group = 'snapshot.storage.k8s.io'

export const VolumeSnapshots: ResourceType<VolumeSnapshot> = {
  group,
  version: 'v1',
  plural: 'volumesnapshots',
  kind: 'VolumeSnapshot',
  namespaced: true,
}

export const VolumeSnapshotContents: ResourceType<VolumeSnapshotContent> = {
  group,
  version: 'v1',
  plural: 'volumesnapshotcontents',
  kind: 'VolumeSnapshotContent',
  namespaced: false,
}

export const VolumeSnapshotClasses: ResourceType<VolumeSnapshotClass> = {
  group,
  version: 'v1',
  plural: 'volumesnapshotclasses',
  kind: 'VolumeSnapshotClass',
  namespaced: false,
}
