import type { KubeClient } from '#kube/client.ts'
import type { ResourceType } from '#kube/object.ts'
import { ConfigMaps, Deployments, Secrets, ServiceAccounts, StorageClasses, make } from '../support/objects.ts'

/** One restore of a sequence that Velero and Lifeboat do alike, each in a cluster of its own. */
export interface RestoreStep {
  readonly name: string
  /** Of test scenarios: spec/compat-tests.md, section D. */
  readonly about: string
  /** Flags of `velero restore create`. */
  readonly flags: readonly string[]
  /** What is done to the cluster before. */
  readonly before?: (kube: KubeClient) => Promise<void>
}

const Trees: ResourceType = { group: 'orchard.test', version: 'v1', plural: 'trees', kind: 'Tree', namespaced: true }
const home = { namespace: 'velero' }

const rules = `
version: v1
resourceModifierRules:
- conditions: {groupResource: "*.apps", namespaces: [harbor], resourceNameRegex: "^store"}
  strategicPatches:
  - patchData: |
      spec: {template: {spec: {containers: [{name: side, image: "busybox:1.36"}], tolerations: [{key: a, operator: Exists}]}}}
- conditions: {groupResource: deployments.apps, matches: [{path: /spec/replicas, value: "0"}]}
  patches:
  - {operation: replace, path: /spec/replicas, value: "1"}
  - {operation: add, path: /metadata/labels/answer, value: "\\"42\\""}
  - {operation: add, path: /metadata/annotations, value: "{\\"line\\":\\"one\\\\ntwo\\"}"}
  - {operation: copy, from: /spec/template/spec/containers/-1, path: /spec/template/spec/containers/0}
  - {operation: replace, path: /spec/template/spec/containers/0/name, value: first}
- conditions: {groupResource: configmaps, resourceNameRegex: "^(?i)STOREFRONT-"}
  mergePatches:
  - patchData: '{"data": {"app.ini": null, "added": "yes", "html": "<b>"}}'
  - patchData: "metadata: {labels: {tier: back}}"
- conditions: {groupResource: secrets, labelSelector: {matchExpressions: [{key: tier, operator: In, values: [web]}]}}
  patches:
  - {operation: test, path: /type, value: never}
  - {operation: remove, path: /data}
- conditions: {groupResource: services, resourceNameRegex: "^kiosk$"}
  patches: [{operation: test, path: /spec/nothing/here, value: x}, {operation: remove, path: /spec/ports}]
- conditions: {groupResource: persistentvolumeclaims, namespaces: ["*-mod"]}
  patches: [{operation: remove, path: /spec}]
- conditions: {groupResource: cronjobs.batch}
`

async function configure(
  kube: KubeClient,
  action: string,
  { name = action, data }: { name?: string; data: Record<string, string> },
): Promise<void> {
  const labels = { 'velero.io/plugin-config': '', [`velero.io/${action}`]: 'RestoreItemAction' }
  await make(kube, ConfigMaps, { ...home, name, metadata: { labels }, data })
}

/** Every difference that an operator may make, in a namespace that was restored before. */
async function drift(kube: KubeClient, namespace: string): Promise<void> {
  const change = (type: ResourceType, name: string, merge: object): Promise<unknown> =>
    kube.patch(type, name, { merge }, { namespace })
  await change(ConfigMaps, 'storefront-config', { data: { 'app.ini': 'changed', added: 'x' } })
  await change(Deployments, 'storefront', { metadata: { labels: { drift: 'yes' } }, spec: { replicas: 3 } })
  const labels = { app: 'other', new: '1' }
  await change(ServiceAccounts, 'storefront', { metadata: { labels }, imagePullSecrets: [{ name: 'second' }] })
  await change(Secrets, 'empty', { stringData: { not: 'empty' } })
  await kube.delete(ConfigMaps, 'storefront-assets', { namespace })
}

const harborTo = (target: string): string[] => [
  '--include-namespaces',
  'harbor',
  '--namespace-mappings',
  `harbor:${target}`,
]

/** Restores of one backup of everything, in this order. */
export const restoreSteps: readonly RestoreStep[] = [
  {
    name: 'ports',
    about: 'node ports kept, where they are free (25)',
    flags: [...harborTo('harbor-ports'), '--include-resources', 'services', '--preserve-nodeports'],
  },
  {
    name: 'ports-taken',
    about: 'node ports kept, where they are taken (25)',
    flags: [...harborTo('harbor-taken'), '--include-resources', 'services', '--preserve-nodeports'],
  },
  {
    name: 'cluster',
    about: 'cluster-scoped objects with a namespace; status of some types (31)',
    flags: [
      '--include-namespaces=orchard',
      '--include-cluster-resources',
      '--status-include-resources=trees.orchard.test',
    ],
  },
  {
    name: 'modifiers',
    about: 'resource modifiers of every kind (35)',
    flags: [...harborTo('harbor-mod'), '--resource-modifier-configmap', 'rules'],
    before: async (kube) => void (await make(kube, ConfigMaps, { ...home, name: 'rules', data: { rules } })),
  },
  {
    name: 'classes',
    about: 'storage classes and images by ConfigMap (36)',
    flags: harborTo('harbor-classes'),
    before: async (kube) => {
      await make(kube, StorageClasses, { name: 'other', provisioner: 'test.dev/none' })
      await configure(kube, 'change-storage-class', { data: { 'harbor-local': 'other' } })
      await configure(kube, 'change-image-name', { data: { one: 'busybox, mirror.test/busybox' } })
    },
  },
  {
    name: 'no-class',
    about: 'a storage class that is not there (36)',
    flags: [...harborTo('harbor-no-class'), '--include-resources', 'pvc,statefulsets,configmaps'],
    before: async (kube) => {
      const merge = { data: { 'harbor-local': 'gone' } }
      await kube.patch(ConfigMaps, 'change-storage-class', { merge }, home)
    },
  },
  {
    name: 'two-configs',
    about: 'two ConfigMaps for one action (36)',
    flags: [...harborTo('harbor-two'), '--include-resources', 'deployments,configmaps,podtemplates'],
    before: async (kube) => {
      await kube.delete(ConfigMaps, 'change-storage-class', home)
      await configure(kube, 'change-image-name', { name: 'second', data: {} })
    },
  },
  {
    name: 'selected',
    about: 'a label selector; related objects come without it',
    flags: [...harborTo('harbor-web'), '--selector', 'tier=web'],
    before: async (kube) => {
      await kube.delete(ConfigMaps, 'second', home)
      await kube.delete(ConfigMaps, 'change-image-name', home)
    },
  },
  {
    name: 'or-selected',
    about: 'selectors of which one is enough; types by short names',
    flags: [
      ...harborTo('harbor-or'),
      '--or-selector=tier=data or app=storefront',
      '--include-resources=sts,svc,cm,sa,deploy',
    ],
  },
  {
    name: 'no-cluster',
    about: 'nothing cluster-scoped, nothing from snapshots',
    flags: [...harborTo('harbor-none'), '--include-cluster-resources=false', '--restore-volumes=false'],
  },
  {
    name: 'joint',
    about: 'two namespaces into one (34)',
    flags: ['--namespace-mappings', 'harbor:joint,orchard:joint', '--exclude-resources', 'services,endpoints'],
  },
  {
    name: 'again',
    about: 'the same once more (38)',
    flags: harborTo('harbor-none'),
  },
  {
    name: 'none',
    about: 'objects that differ, policy none (26, 27)',
    flags: [...harborTo('harbor-or'), '--existing-resource-policy', 'none', '--include-resources', 'cm,sa,deploy'],
  },
  {
    name: 'update',
    about: 'objects that differ, policy update (26, 27)',
    flags: [
      ...harborTo('harbor-none'),
      '--existing-resource-policy=update',
      '--include-resources=cm,sa,deploy,secrets',
    ],
    before: (kube) => drift(kube, 'harbor-none'),
  },
]

/** What the workloads lack for these steps. */
export async function addToWorkloads(kube: KubeClient): Promise<void> {
  const status = { ripe: true, basket: 3 }
  await kube.patch(Trees, 'boskoop', { merge: { status } }, { namespace: 'orchard', subresource: 'status' })
}
