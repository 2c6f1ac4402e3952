import type { KubeObject } from '#kube/object.ts'

/** A live object that the backup does not have, as the decision on it sees it. */
export interface ExtraObject {
  /** `pods`, `deployments.apps`. */
  readonly resource: string
  readonly object: KubeObject
}

/** Why an object that the backup does not have stays all the same in an exact restore. */
export type ExtraKept =
  | 'being-deleted'
  | 'never-deleted'
  | 'holds-data'
  | 'made-by-the-cluster'
  | 'owner-remains'
  | 'goes-with-its-owner'
  | 'left-to-git'

/** What is known of the owners of an object, by uid: they go, they stay; undefined for those that were not looked at. */
export type OwnerFate = (uid: string) => 'goes' | 'stays' | undefined

/**
 * Says why an extra object is not deleted by an exact restore; undefined means that it is. In doubt it stays: of an owner that
 * was not looked at nobody knows whether it is still there.
 */
export function extraKept({ resource, object }: ExtraObject, fateOf: OwnerFate): ExtraKept | undefined {
  if (object.metadata.deletionTimestamp !== undefined) return 'being-deleted'
  if (neverDeleted.includes(resource) || ownGroups.some((group) => resource.endsWith(`.${group}`)))
    return 'never-deleted'
  if (holdingData.includes(resource)) return 'holds-data'
  if (isMadeByCluster({ resource, object })) return 'made-by-the-cluster'
  const owners = object.metadata.ownerReferences ?? []
  if (owners.length === 0) return undefined
  return owners.every(({ uid }) => fateOf(uid) === 'goes') ? 'goes-with-its-owner' : 'owner-remains'
}

/** What was never in a backup, or changes by itself while nobody looks. */
const neverDeleted: readonly string[] = [
  'namespaces',
  'nodes',
  'events',
  'events.events.k8s.io',
  'leases.coordination.k8s.io',
  'csinodes.storage.k8s.io',
  'volumeattachments.storage.k8s.io',
  'customresourcedefinitions.apiextensions.k8s.io',
]

/** Backups, locations, schedules: the means by which all this could be undone. */
const ownGroups: readonly string[] = ['velero.io', 'lifeboat.dev']

const holdingData: readonly string[] = [
  'persistentvolumeclaims',
  'persistentvolumes',
  'volumesnapshots.snapshot.storage.k8s.io',
  'volumesnapshotcontents.snapshot.storage.k8s.io',
]

function isMadeByCluster({ resource, object }: ExtraObject): boolean {
  const { name, labels = {}, annotations = {} } = object.metadata
  switch (resource) {
    case 'configmaps':
      return name === 'kube-root-ca.crt' || name === 'openshift-service-ca.crt'
    case 'serviceaccounts':
      return name === 'default'
    case 'secrets':
      return object['type'] === 'kubernetes.io/service-account-token'
    case 'endpoints':
      return 'endpoints.kubernetes.io/managed-by' in labels || lastChange in annotations
    case 'endpointslices.discovery.k8s.io':
      return 'endpointslice.kubernetes.io/managed-by' in labels
    default:
      // The kubelet of some node makes such a pod from a file.
      return resource === 'pods' && 'kubernetes.io/config.mirror' in annotations
  }
}

const lastChange = 'endpoints.kubernetes.io/last-change-trigger-time'
