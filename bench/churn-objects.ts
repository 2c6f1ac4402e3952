import type { ResourceType } from '#kube/object.ts'

/** Something that can be made over and over without anything running: its type, and an object's fields besides metadata. */
export interface ChurnKind {
  readonly type: ResourceType
  readonly fields: (name: string) => object
}

function kind(group: string, version: string, plural: string, name: string): ResourceType {
  return { group, version, plural, kind: name, namespaced: true }
}

const rbac = 'rbac.authorization.k8s.io'
const app = (name: string): object => ({ matchLabels: { app: name } })
const template = (name: string): object => ({
  metadata: { labels: { app: name } },
  spec: { containers: [{ name: 'main', image: 'registry.example.com/app:1' }] },
})
const once = (name: string): object => ({
  ...template(name),
  spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'registry.example.com/app:1' }] },
})
const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }]

/** Twenty types; no controller starts a pod for them, since they ask for none or there is no node. */
export const churnKinds: readonly ChurnKind[] = [
  { type: kind('', 'v1', 'configmaps', 'ConfigMap'), fields: (name) => ({ data: { name } }) },
  { type: kind('', 'v1', 'secrets', 'Secret'), fields: (name) => ({ stringData: { name } }) },
  { type: kind('', 'v1', 'serviceaccounts', 'ServiceAccount'), fields: () => ({}) },
  {
    type: kind('', 'v1', 'services', 'Service'),
    fields: () => ({ spec: { type: 'ExternalName', externalName: 'shop.example.com' } }),
  },
  { type: kind('', 'v1', 'limitranges', 'LimitRange'), fields: () => ({ spec: { limits: [] } }) },
  { type: kind('', 'v1', 'resourcequotas', 'ResourceQuota'), fields: () => ({ spec: { hard: { pods: '9' } } }) },
  { type: kind('', 'v1', 'podtemplates', 'PodTemplate'), fields: (name) => ({ template: template(name) }) },
  {
    type: kind('', 'v1', 'replicationcontrollers', 'ReplicationController'),
    fields: (name) => ({ spec: { replicas: 0, selector: { app: name }, template: template(name) } }),
  },
  {
    type: kind('', 'v1', 'persistentvolumeclaims', 'PersistentVolumeClaim'),
    fields: () => ({
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'none',
        resources: { requests: { storage: '1Gi' } },
      },
    }),
  },
  {
    type: kind('apps', 'v1', 'deployments', 'Deployment'),
    fields: (name) => ({ spec: { replicas: 0, paused: true, selector: app(name), template: template(name) } }),
  },
  {
    type: kind('apps', 'v1', 'replicasets', 'ReplicaSet'),
    fields: (name) => ({ spec: { replicas: 0, selector: app(name), template: template(name) } }),
  },
  {
    type: kind('apps', 'v1', 'statefulsets', 'StatefulSet'),
    fields: (name) => ({ spec: { replicas: 0, serviceName: name, selector: app(name), template: template(name) } }),
  },
  {
    type: kind('batch', 'v1', 'cronjobs', 'CronJob'),
    fields: (name) => ({
      spec: { suspend: true, schedule: '@yearly', jobTemplate: { spec: { template: once(name) } } },
    }),
  },
  {
    type: kind('batch', 'v1', 'jobs', 'Job'),
    fields: (name) => ({ spec: { suspend: true, template: { spec: (once(name) as { spec: object }).spec } } }),
  },
  {
    type: kind('networking.k8s.io', 'v1', 'ingresses', 'Ingress'),
    fields: () => ({ spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } } }),
  },
  {
    type: kind('networking.k8s.io', 'v1', 'networkpolicies', 'NetworkPolicy'),
    fields: (name) => ({ spec: { podSelector: app(name), policyTypes: ['Ingress'] } }),
  },
  {
    type: kind('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget'),
    fields: (name) => ({ spec: { minAvailable: 1, selector: app(name) } }),
  },
  { type: kind(rbac, 'v1', 'roles', 'Role'), fields: () => ({ rules }) },
  {
    type: kind(rbac, 'v1', 'rolebindings', 'RoleBinding'),
    fields: () => ({
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: 'default' }],
    }),
  },
  { type: kind('bench.example.com', 'v1', 'boats', 'Boat'), fields: (name) => ({ spec: { name } }) },
]
