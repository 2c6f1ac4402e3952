/** How a strategic merge patch merges the fields of one type. Where a field has no rule, objects are merged and everything else is replaced. */
export type MergeRules = Readonly<Record<string, FieldRule>>

/** How one field is merged. */
export interface FieldRule {
  /** Its list is merged: by this field of the elements, or, when empty, as a set of plain values. */
  readonly key?: string
  /** Its object is replaced instead of merged. */
  readonly replaced?: true
  /** Rules of the object in the field, or of the elements of its list. */
  readonly fields?: MergeRules
}

// The table follows `x-kubernetes-patch-merge-key` and `x-kubernetes-patch-strategy` in the API's own description (Kubernetes 1.36,
// api/openapi-spec/swagger.json, served at /openapi/v3), except for `status`, which no patch meets here, and for types that are never
// restored. test/cluster/strategic-merge.test.ts holds it against what the API server says and does.

const metadata: FieldRule = { fields: { finalizers: { key: '' }, ownerReferences: { key: 'uid' } } }

const container: MergeRules = {
  env: { key: 'name' },
  ports: { key: 'containerPort' },
  volumeDevices: { key: 'devicePath' },
  volumeMounts: { key: 'mountPath' },
}

const volume: MergeRules = { ephemeral: { fields: { volumeClaimTemplate: { fields: { metadata } } } } }

const podSpec: MergeRules = {
  containers: { key: 'name', fields: container },
  ephemeralContainers: { key: 'name', fields: container },
  initContainers: { key: 'name', fields: container },
  hostAliases: { key: 'ip' },
  imagePullSecrets: { key: 'name' },
  resourceClaims: { key: 'name' },
  schedulingGates: { key: 'name' },
  topologySpreadConstraints: { key: 'topologyKey' },
  volumes: { key: 'name', fields: volume },
}

const template: FieldRule = { fields: { metadata, spec: { fields: podSpec } } }
const withTemplate: FieldRule = { fields: { template } }
const webhooks: FieldRule = { key: 'name', fields: { matchConditions: { key: 'name' } } }

/** Rules of the types that have more than those of `metadata`. */
const byResource: Readonly<Record<string, MergeRules>> = {
  pods: { spec: { fields: podSpec } },
  podtemplates: { template },
  replicationcontrollers: { spec: withTemplate },
  'daemonsets.apps': { spec: withTemplate },
  'deployments.apps': { spec: withTemplate },
  'replicasets.apps': { spec: withTemplate },
  'statefulsets.apps': { spec: withTemplate },
  'jobs.batch': { spec: withTemplate },
  'cronjobs.batch': { spec: { fields: { jobTemplate: { fields: { metadata, spec: withTemplate } } } } },
  serviceaccounts: { secrets: { key: 'name' } },
  services: { spec: { fields: { ports: { key: 'port' } } } },
  'poddisruptionbudgets.policy': { spec: { fields: { selector: { replaced: true } } } },
  'resourceclaimtemplates.resource.k8s.io': { spec: { fields: { metadata } } },
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': { webhooks },
  'validatingwebhookconfigurations.admissionregistration.k8s.io': { webhooks },
  'mutatingadmissionpolicies.admissionregistration.k8s.io': { spec: { fields: { matchConditions: { key: 'name' } } } },
  'validatingadmissionpolicies.admissionregistration.k8s.io': {
    spec: { fields: { matchConditions: { key: 'name' }, variables: { key: 'name' } } },
  },
}

/** The API groups whose types a strategic merge patch can change: Kubernetes' own, Velero's and those of volume snapshots. */
const knownGroups: ReadonlySet<string> = new Set([
  '',
  'admissionregistration.k8s.io',
  'apps',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'events.k8s.io',
  'extensions',
  'flowcontrol.apiserver.k8s.io',
  'internal.apiserver.k8s.io',
  'networking.k8s.io',
  'node.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'resource.k8s.io',
  'scheduling.k8s.io',
  'snapshot.storage.k8s.io',
  'storage.k8s.io',
  'storagemigration.k8s.io',
  'velero.io',
])

/** The rules for objects of `resource` (`deployments.apps`); undefined for a custom type, whose structure nobody knows. */
export function mergeRulesOf(resource: string): MergeRules | undefined {
  const dot = resource.indexOf('.')
  if (!knownGroups.has(dot < 0 ? '' : resource.slice(dot + 1))) return undefined
  return { metadata, ...(Object.hasOwn(byResource, resource) ? byResource[resource] : {}) }
}
