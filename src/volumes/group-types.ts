import type { KubeObject, ResourceType, ServedType } from '#kube/object.ts'

/** A wish for one snapshot of all claims with a label, and what came of it. https://kubernetes-csi.github.io/docs/group-snapshot-restore-feature.html */
export interface VolumeGroupSnapshot extends KubeObject {
  spec?: {
    source?: { selector?: { matchLabels?: Record<string, string> } }
    volumeGroupSnapshotClassName?: string
  }
  status?: {
    boundVolumeGroupSnapshotContentName?: string
    creationTime?: string
    readyToUse?: boolean
    /** Of the last attempt; goes away when a later one succeeds. */
    error?: { message?: string; time?: string } | null
  }
}

/** The snapshot of the group itself, as the cluster knows it. */
export interface VolumeGroupSnapshotContent extends KubeObject {
  spec?: {
    deletionPolicy?: string
    driver?: string
    source?: {
      volumeHandles?: string[]
      groupSnapshotHandles?: { volumeGroupSnapshotHandle: string; volumeSnapshotHandles: string[] }
    }
    volumeGroupSnapshotClassName?: string
    volumeGroupSnapshotRef?: Record<string, unknown>
  }
  status?: {
    /** What the driver calls it. */
    volumeGroupSnapshotHandle?: string
    readyToUse?: boolean
    error?: { message?: string } | null
    /** The members, from v1beta2 on. */
    volumeSnapshotInfoList?: readonly { snapshotHandle?: string }[]
    /** The members, in v1beta1. */
    volumeSnapshotHandlePairList?: readonly { snapshotHandle?: string }[]
  }
}

/** How snapshots of groups are made by a driver. */
export interface VolumeGroupSnapshotClass extends KubeObject {
  driver?: string
  deletionPolicy?: string
}

/** The types of group snapshots in the version that a cluster prefers; what is read and written here is the same in v1beta1, v1beta2 and v1. */
export interface GroupTypes {
  readonly snapshots: ResourceType<VolumeGroupSnapshot>
  readonly contents: ResourceType<VolumeGroupSnapshotContent>
  readonly classes: ResourceType<VolumeGroupSnapshotClass>
}

export const groupSnapshotGroup = 'groupsnapshot.storage.k8s.io'

/** Undefined where the cluster does not serve all of them. */
export function groupTypesOf(served: readonly ServedType[]): GroupTypes | undefined {
  const typeOf = (plural: string): ServedType | undefined =>
    served.find((type) => type.group === groupSnapshotGroup && type.plural === plural && type.preferred)
  const snapshots = typeOf('volumegroupsnapshots')
  const contents = typeOf('volumegroupsnapshotcontents')
  const classes = typeOf('volumegroupsnapshotclasses')
  return snapshots && contents && classes ? { snapshots, contents, classes } : undefined
}

/** Handles of all members of a group, whether or not anybody wanted each. */
export function memberHandles({ status = {} }: VolumeGroupSnapshotContent): string[] {
  const members = status.volumeSnapshotInfoList ?? status.volumeSnapshotHandlePairList ?? []
  return members.flatMap(({ snapshotHandle }) => snapshotHandle ?? [])
}
