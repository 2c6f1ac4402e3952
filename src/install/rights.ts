/** One rule of a Role or ClusterRole. */
export interface PolicyRule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}

const everything = { apiGroups: ['*'], resources: ['*'] }

/** What making backups takes: reading everything, the custom resources that say what is to be done and what was, and CSI snapshots. */
export const readRules: readonly PolicyRule[] = [
  { ...everything, verbs: ['get', 'list', 'watch'] },
  {
    apiGroups: ['velero.io', 'lifeboat.dev'],
    resources: ['*'],
    verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'],
  },
  {
    apiGroups: ['snapshot.storage.k8s.io'],
    resources: ['volumesnapshots', 'volumesnapshotcontents', 'volumesnapshotcontents/status'],
    verbs: ['create', 'patch', 'delete'],
  },
  {
    apiGroups: ['groupsnapshot.storage.k8s.io'],
    resources: ['volumegroupsnapshots', 'volumegroupsnapshotcontents', 'volumegroupsnapshotcontents/status'],
    verbs: ['create', 'patch', 'delete'],
  },
]

/**
 * What restores take besides: any object of any type may be in a backup. `bind` and `escalate` let roles and bindings come back that
 * give more than the server has itself. Left out of cluster-admin: impersonation, and what is no object of the API.
 */
export const restoreRules: readonly PolicyRule[] = [
  ...readRules,
  { ...everything, verbs: ['create', 'update', 'patch', 'delete'] },
  { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'clusterroles'], verbs: ['bind', 'escalate'] },
]

/** In the server's own namespace: the lease by which replicas agree on who works, the events of its objects, and the Secret by which replicas know each other's links. */
export const roleRules: readonly PolicyRule[] = [
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create', 'update', 'patch', 'delete'] },
]
