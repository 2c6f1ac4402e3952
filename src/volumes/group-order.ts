import { apiVersionOf, type OwnerReference } from '#kube/object.ts'
import type { GroupTypes, VolumeGroupSnapshot } from './group-types.ts'
import type { VolumeSnapshot } from './snapshot-types.ts'

/** One group of volumes to be snapshotted; a VolumeGroupSnapshot of that name that is there already is taken over. */
export interface GroupOrder {
  readonly namespace: string
  readonly name: string
  /** The driver snapshots every claim with this label. */
  readonly selector: Readonly<Record<string, string>>
  /** Claims that have to be among them. */
  readonly claims: readonly string[]
  readonly groupClass: string
  /** Of the VolumeGroupSnapshot, and of each of its VolumeSnapshots as soon as all are there. */
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** The VolumeGroupSnapshot that asks for it. */
export function orderedGroup(order: GroupOrder, { snapshots: type }: GroupTypes): VolumeGroupSnapshot {
  const { namespace, name, selector, groupClass, labels, annotations } = order
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: { namespace, name, labels: { ...labels, ...selector }, annotations },
    spec: { source: { selector: { matchLabels: { ...selector } } }, volumeGroupSnapshotClassName: groupClass },
  }
}

/** Whether a snapshot is one of those that the cluster made for a group; in its status it stands only after a while. */
export function isMemberOf(
  { metadata, status = {} }: VolumeSnapshot,
  group: { readonly namespace?: string | undefined; readonly name: string },
): boolean {
  if (metadata.namespace !== group.namespace) return false
  return status.volumeGroupSnapshotName === group.name || ownersOf(metadata).some(({ name }) => name === group.name)
}

/** The snapshot as it is by itself, of no group that the cluster knows. */
export function withoutGroup(snapshot: VolumeSnapshot): VolumeSnapshot {
  const { ownerReferences, finalizers, ...metadata } = snapshot.metadata
  const owners = ownersOf(snapshot.metadata)
  if (owners.length === 0 && finalizers?.includes(inGroupProtection) !== true) return snapshot
  const others = (ownerReferences ?? []).filter((owner) => !owners.includes(owner))
  const rest = (finalizers ?? []).filter((finalizer) => finalizer !== inGroupProtection)
  return {
    ...snapshot,
    metadata: {
      ...metadata,
      ...(others.length > 0 ? { ownerReferences: others } : {}),
      ...(rest.length > 0 ? { finalizers: rest } : {}),
    },
  }
}

/** Keeps a member as long as its group is there. */
const inGroupProtection = 'snapshot.storage.kubernetes.io/volumesnapshot-in-group-protection'

function ownersOf({ ownerReferences = [] }: VolumeSnapshot['metadata']): OwnerReference[] {
  return ownerReferences.filter(({ kind }) => kind === 'VolumeGroupSnapshot')
}
