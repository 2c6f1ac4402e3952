// What an installation in a cluster consists of, and how it is put there and taken away again. The lists of objects are pure; only
// put.ts, remove.ts and rollout.ts talk to the cluster. Flags, questions and tables are the command line's business.
import type { BackupStorageLocationSpec } from '#api/backup-storage-location.ts'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { serverService } from '#api/download-request.ts'
import type { VolumeSnapshotLocationSpec } from '#api/volume-snapshot-location.ts'
import { VolumeSnapshotLocations } from '#api/volume-snapshot-location.ts'
import { apiVersionOf, type KubeObject, type ObjectMeta, type ResourceType } from '#kube/object.ts'
import { deploymentSpec, METRICS_PORT, serverLabels, type ServerPod } from './deployment.ts'
import { readRules, restoreRules, roleRules } from './rights.ts'

/** What is to be installed. */
export interface Installation extends ServerPod {
  readonly namespace: string
  /** `all`: cluster-admin, as Velero. The others are ClusterRoles of our own; with `read` the server makes backups and cannot restore. */
  readonly rights: 'all' | 'read-and-restore' | 'read'
  /** An account that is there already; absent: one is made and given `rights`. */
  readonly serviceAccountName?: string | undefined
  readonly serviceAccountAnnotations?: Readonly<Record<string, string>> | undefined
  /** Content of a credentials file in AWS's form. */
  readonly credentials?: string | undefined
  readonly backupLocation?: BackupStorageLocationSpec | undefined
  readonly snapshotLocation?: VolumeSnapshotLocationSpec | undefined
}

/** One object with its type. */
export interface Installed {
  readonly type: ResourceType
  readonly object: KubeObject
}

const builtIn = (plural: string, kind: string, { group = '', namespaced = true } = {}): ResourceType => ({
  group,
  version: 'v1',
  plural,
  kind,
  namespaced,
})
const rbac = 'rbac.authorization.k8s.io'

export const Namespaces = builtIn('namespaces', 'Namespace', { namespaced: false })
export const ClusterRoles = builtIn('clusterroles', 'ClusterRole', { group: rbac, namespaced: false })
export const ClusterRoleBindings = builtIn('clusterrolebindings', 'ClusterRoleBinding', {
  group: rbac,
  namespaced: false,
})
export const Roles = builtIn('roles', 'Role', { group: rbac })
export const RoleBindings = builtIn('rolebindings', 'RoleBinding', { group: rbac })
export const ServiceAccounts = builtIn('serviceaccounts', 'ServiceAccount')
export const Secrets = builtIn('secrets', 'Secret')
export const Services = builtIn('services', 'Service')
export const Deployments = builtIn('deployments', 'Deployment', { group: 'apps' })
export const Definitions = builtIn('customresourcedefinitions', 'CustomResourceDefinition', {
  group: 'apiextensions.k8s.io',
  namespaced: false,
})

/** Velero's client and its `uninstall` look for this label. */
export const installedLabel = { component: 'velero' } as const

/** Of the Deployment, the ServiceAccount and the namespaced role: what programs made for Velero look for. */
export const serverName = 'velero'

/** Of what belongs to the whole cluster: Velero's name, and with the namespace in it where several installations are possible. */
export function clusterWideName(namespace: string): string {
  return namespace === serverName ? serverName : `${serverName}-${namespace}`
}

/** Everything but the custom resource definitions, in the order in which it is made. */
export function installationObjects(installation: Installation): Installed[] {
  const { namespace, credentials, backupLocation, snapshotLocation } = installation
  const here = (type: ResourceType<KubeObject>, name: string, rest: object): Installed =>
    labelled(type, { name, namespace }, rest)
  return [
    // No pod of ours needs more than `baseline`, and Velero's own server is let in too.
    labelled(Namespaces, { name: namespace, labels: podSecurity }, {}),
    ...account(installation),
    ...(credentials === undefined
      ? []
      : [here(Secrets, 'cloud-credentials', { type: 'Opaque', data: { cloud: base64(credentials) } })]),
    ...(backupLocation === undefined ? [] : [here(BackupStorageLocations, 'default', { spec: backupLocation })]),
    ...(snapshotLocation === undefined ? [] : [here(VolumeSnapshotLocations, 'default', { spec: snapshotLocation })]),
    serviceFor(namespace, serverLabels),
    here(Deployments, serverName, {
      spec: deploymentSpec(installation, {
        account: installation.serviceAccountName ?? serverName,
        hasCredentials: credentials !== undefined,
      }),
    }),
  ]
}

/** The Service by which the HTTP API of a server is reached through the API server; `selector` are labels of the server's pods. */
export function serviceFor(namespace: string, selector: Readonly<Record<string, string>>): Installed {
  const ports = [{ name: serverService.port, port: METRICS_PORT, targetPort: METRICS_PORT }]
  return labelled(Services, { name: serverService.name, namespace }, { spec: { selector, ports } })
}

const podSecurity = {
  'pod-security.kubernetes.io/enforce': 'baseline',
  'pod-security.kubernetes.io/enforce-version': 'latest',
  'pod-security.kubernetes.io/audit': 'restricted',
  'pod-security.kubernetes.io/audit-version': 'latest',
  'pod-security.kubernetes.io/warn': 'restricted',
  'pod-security.kubernetes.io/warn-version': 'latest',
}

/** The server's account and what it may; nothing for an account that is there already. */
function account({ namespace, rights, serviceAccountName, serviceAccountAnnotations }: Installation): Installed[] {
  if (serviceAccountName !== undefined) return []
  const name = clusterWideName(namespace)
  const subjects = [{ kind: 'ServiceAccount', name: serverName, namespace }]
  const clusterRole = rights === 'all' ? 'cluster-admin' : name
  const bound = { subjects, roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: clusterRole } }
  const own = { name: serverName, namespace }
  const roles =
    rights === 'all'
      ? []
      : [
          labelled(ClusterRoles, { name }, { rules: rights === 'read' ? readRules : restoreRules }),
          labelled(Roles, own, { rules: roleRules }),
          labelled(RoleBindings, own, { subjects, roleRef: { apiGroup: rbac, kind: 'Role', name: serverName } }),
        ]
  const annotations = serviceAccountAnnotations === undefined ? {} : { annotations: { ...serviceAccountAnnotations } }
  return [
    ...roles,
    labelled(ClusterRoleBindings, { name }, bound),
    labelled(ServiceAccounts, { ...own, ...annotations }, {}),
  ]
}

function labelled(type: ResourceType<KubeObject>, metadata: ObjectMeta, rest: object): Installed {
  const labels = { ...metadata.labels, ...installedLabel }
  return {
    type,
    object: { apiVersion: apiVersionOf(type), kind: type.kind, metadata: { ...metadata, labels }, ...rest },
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
