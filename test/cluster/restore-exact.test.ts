import assert from 'node:assert/strict'
import { test } from 'node:test'
import { restoreWishKeys } from '#api/restore-wishes.ts'
import type { KubeClient } from '#kube/client.ts'
import type { ResourceType } from '#kube/object.ts'
import type { PlannedObject } from '#restore/preview.ts'
import { memoryStore } from '#store/memory.ts'
import { backUp } from '../support/backup-run.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import {
  Claims,
  ConfigMaps,
  Deployments,
  Pods,
  Roles,
  Secrets,
  ServiceAccounts,
  Services,
  make,
} from '../support/objects.ts'
import { bringBack, eventually, namesIn } from './restore-order.ts'
import { assertForeseen, planOf } from './restore-plan.ts'

const Leases: ResourceType = { ...ConfigMaps, group: 'coordination.k8s.io', plural: 'leases', kind: 'Lease' }
const ReplicaSets: ResourceType = { ...Deployments, plural: 'replicasets', kind: 'ReplicaSet' }
const annotations = { [restoreWishKeys.exact]: 'true' }

function deployment(app: string): object {
  const spec = { containers: [{ name: 'web', image: 'shop/web:1' }] }
  return { replicas: 1, selector: { matchLabels: { app } }, template: { metadata: { labels: { app } }, spec } }
}

const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }

async function podsOf(kube: KubeClient, namespace: string, app: string): Promise<string[]> {
  const { items } = await kube.list(Pods, { namespace, labelSelector: `app=${app}` })
  return items.map(({ metadata }) => metadata.uid ?? '')
}

/** What was there when the backup was made. */
async function fill(kube: KubeClient, namespace: string): Promise<void> {
  const at = { namespace }
  for (const name of ['kept', 'drifted', 'lost']) await make(kube, ConfigMaps, { ...at, name, data: { a: '1' } })
  await make(kube, Services, { ...at, name: 'web', spec: { ports: [{ port: 80 }], selector: { app: 'web' } } })
  await make(kube, Deployments, { ...at, name: 'web', spec: deployment('web') })
  await eventually(async () => (await podsOf(kube, namespace, 'web')).length === 1, 'a pod')
}

/** What came, went and changed since. */
async function drift(kube: KubeClient, namespace: string): Promise<void> {
  const at = { namespace }
  await kube.patch(ConfigMaps, 'drifted', { merge: { data: { a: '2', b: '3' } } }, at)
  await kube.delete(ConfigMaps, 'lost', at)
  const { apiVersion, kind, metadata } = await kube.get(ConfigMaps, 'kept', at)
  const ownerReferences = [{ apiVersion, kind, name: 'kept', uid: metadata.uid }]
  await make(kube, ConfigMaps, { ...at, name: 'extra' })
  await make(kube, ConfigMaps, { ...at, name: 'owned', metadata: { ownerReferences } })
  await make(kube, ConfigMaps, {
    ...at,
    name: 'private',
    metadata: { labels: { 'velero.io/exclude-from-backup': 'true' } },
  })
  for (const type of [Secrets, ServiceAccounts, Roles, Leases]) await make(kube, type, { ...at, name: 'extra' })
  await make(kube, Services, { ...at, name: 'extra', spec: { ports: [{ port: 80 }], selector: { app: 'extra' } } })
  await make(kube, Claims, { ...at, name: 'extra', spec: claim })
  await make(kube, Deployments, { ...at, name: 'extra', spec: deployment('extra') })
  await eventually(async () => (await podsOf(kube, namespace, 'extra')).length === 1, 'an extra pod')
}

const named = (objects: readonly PlannedObject[], action: string): string[] =>
  objects.filter((one) => one.action === action).map(({ resource, name }) => `${resource}/${name}`)

test('an exact restore makes a namespace what the backup says, and deletes nothing that is not its own', async () => {
  const { kube } = await sharedCluster()
  await using namespaced = await testNamespace(kube)
  await using other = await testNamespace(kube)
  const namespace = namespaced.name
  const store = memoryStore()
  await fill(kube, namespace)
  const spec = { includedNamespaces: [namespace] }
  await backUp({ kube, store, spec: { includedNamespaces: [namespace, other.name] } })
  await drift(kube, namespace)
  await make(kube, ConfigMaps, { namespace: other.name, name: 'extra' })
  const pods = await podsOf(kube, namespace, 'web')

  const { objects } = await planOf({ kube, store, spec, annotations })
  assert.deepEqual(named(objects, 'delete').toSorted(), [
    'configmaps/extra',
    'deployments.apps/extra',
    'roles.rbac.authorization.k8s.io/extra',
    'secrets/extra',
    'serviceaccounts/extra',
    'services/extra',
  ])
  const reasons = objects.flatMap(({ resource, name, because = '' }) =>
    /^(owner|goes|holds|never)/.test(because) && !/^(events|endpoints)/.test(resource)
      ? [`${resource}/${name.slice(0, 5)}: ${because}`]
      : [],
  )
  assert.deepEqual(reasons.toSorted(), [
    'configmaps/owned: owner-remains',
    'leases.coordination.k8s.io/extra: never-deleted',
    'persistentvolumeclaims/extra: holds-data',
    'pods/extra: goes-with-its-owner',
    'replicasets.apps/extra: goes-with-its-owner',
  ])
  assert.deepEqual(named(objects, 'create'), ['configmaps/lost'])
  assert.deepEqual(named(objects, 'update'), ['configmaps/drifted'])
  const end = await bringBack({ kube, store, spec, annotations })
  assertForeseen(objects, end)
  assert.equal(end.restore.status?.phase, 'Completed')

  assert.deepEqual((await kube.get(ConfigMaps, 'drifted', { namespace }))['data'], { a: '1' })
  assert.deepEqual(await namesIn(kube, ConfigMaps, namespace), [
    'drifted',
    'kept',
    'kube-root-ca.crt',
    'lost',
    'owned',
    'private',
  ])
  for (const type of [Deployments, Services]) assert.deepEqual(await namesIn(kube, type, namespace), ['web'])
  for (const type of [Secrets, Roles]) assert.deepEqual(await namesIn(kube, type, namespace), [])
  assert.deepEqual(await namesIn(kube, ServiceAccounts, namespace), ['default'])
  for (const type of [Claims, Leases]) assert.deepEqual(await namesIn(kube, type, namespace), ['extra'])
  // What ran goes on running.
  assert.deepEqual(await podsOf(kube, namespace, 'web'), pods)
  await eventually(async () => (await podsOf(kube, namespace, 'extra')).length === 0, 'the extra pod is gone')
  await eventually(async () => (await namesIn(kube, ReplicaSets, namespace)).length === 1, 'its replica set is gone')
  assert.deepEqual(await namesIn(kube, ConfigMaps, other.name), ['extra', 'kube-root-ca.crt'])

  const again = await planOf({ kube, store, spec, annotations, name: 'third' })
  const left = again.objects.filter(({ action, resource }) => action !== 'skip' && !resource.startsWith('endpoint'))
  assert.deepEqual(
    left.map(({ resource, name, action }) => `${action} ${resource}/${name}`),
    [],
  )
})

test('only what both the backup and the restore would take can be too much', async () => {
  const { kube } = await sharedCluster()
  await using namespaced = await testNamespace(kube)
  const namespace = namespaced.name
  const at = { namespace }
  const includedNamespaces = [namespace]
  const deleted = async (backup: object, restore: object): Promise<string[]> => {
    const store = memoryStore()
    await backUp({ kube, store, spec: { includedNamespaces, ...backup } })
    for (const app of ['a', 'b']) {
      for (const type of [ConfigMaps, Secrets])
        await make(kube, type, { ...at, name: `extra-${app}`, metadata: { labels: { app } } })
    }
    const { objects } = await planOf({ kube, store, spec: { includedNamespaces, ...restore }, annotations })
    for (const app of ['a', 'b']) for (const type of [ConfigMaps, Secrets]) await kube.delete(type, `extra-${app}`, at)
    return named(objects, 'delete').toSorted()
  }
  const all = ['configmaps/extra-a', 'configmaps/extra-b', 'secrets/extra-a', 'secrets/extra-b']
  assert.deepEqual(await deleted({}, {}), all)
  const [labelSelector, includedResources] = [{ matchLabels: { app: 'a' } }, ['configmaps']]
  for (const [backup, restore] of [
    [{ includedResources }, {}],
    [{}, { includedResources }],
  ] as const) {
    assert.deepEqual(await deleted(backup, restore), ['configmaps/extra-a', 'configmaps/extra-b'])
  }
  for (const [backup, restore] of [
    [{ labelSelector }, {}],
    [{}, { labelSelector }],
  ] as const) {
    assert.deepEqual(await deleted(backup, restore), ['configmaps/extra-a', 'secrets/extra-a'])
  }
})

test('after errors nothing is deleted, and one warning says why', async () => {
  const { kube } = await sharedCluster()
  await using namespaced = await testNamespace(kube)
  const at = { namespace: namespaced.name }
  const store = memoryStore()
  const spec = { includedNamespaces: [at.namespace] }
  await make(kube, ConfigMaps, { ...at, name: 'lost' })
  await backUp({ kube, store, spec })
  await kube.delete(ConfigMaps, 'lost', at)
  for (const name of ['extra-1', 'extra-2']) await make(kube, ConfigMaps, { ...at, name })
  const Quotas: ResourceType = { ...ConfigMaps, plural: 'resourcequotas', kind: 'ResourceQuota' }
  await make(kube, Quotas, { ...at, name: 'full', spec: { hard: { 'count/configmaps': '1' } } })
  await eventually(async () => {
    const { status } = await kube.get(Quotas, 'full', at)
    return (status as { used?: object } | undefined)?.used !== undefined
  }, 'the quota counts')
  const { objects } = await planOf({ kube, store, spec, annotations })
  const end = await bringBack({ kube, store, spec, annotations })
  assertForeseen(objects, end)
  assert.equal(end.restore.status?.phase, 'PartiallyFailed')
  assert.equal(
    end.results.warnings.namespaces?.[at.namespace]?.filter((text) => text.includes('were not deleted')).length,
    1,
  )
  assert.deepEqual(await namesIn(kube, ConfigMaps, at.namespace), ['extra-1', 'extra-2', 'kube-root-ca.crt'])
})

test('a namespace restored under another name is made exact there, and the first one is left alone', async () => {
  const { kube } = await sharedCluster()
  await using source = await testNamespace(kube)
  await using target = await testNamespace(kube)
  const store = memoryStore()
  await make(kube, ConfigMaps, { namespace: source.name, name: 'prices' })
  await backUp({ kube, store, spec: { includedNamespaces: [source.name] } })
  for (const { name: namespace } of [source, target]) await make(kube, ConfigMaps, { namespace, name: 'extra' })
  const spec = { includedNamespaces: [source.name], namespaceMapping: { [source.name]: target.name } }
  const end = await bringBack({ kube, store, spec, annotations })
  assert.equal(end.restore.status?.phase, 'Completed')
  assert.deepEqual(await namesIn(kube, ConfigMaps, source.name), ['extra', 'kube-root-ca.crt', 'prices'])
  assert.deepEqual(await namesIn(kube, ConfigMaps, target.name), ['kube-root-ca.crt', 'prices'])
  assert.ok(end.resourceList['v1/ConfigMap']?.includes(`${target.name}/extra(deleted)`))
})

test('an object that resource modifiers give another name is not too much', async () => {
  const { kube } = await sharedCluster()
  await using home = await testNamespace(kube)
  await using namespaced = await testNamespace(kube)
  const at = { namespace: namespaced.name }
  const store = memoryStore()
  await make(kube, ConfigMaps, { ...at, name: 'old', data: { a: '1' } })
  await backUp({ kube, store, spec: { includedNamespaces: [at.namespace] } })
  const rules = {
    version: 'v1',
    resourceModifierRules: [
      {
        conditions: { groupResource: 'configmaps', resourceNameRegex: '^old$' },
        patches: [{ operation: 'replace', path: '/metadata/name', value: 'new' }],
      },
    ],
  }
  await make(kube, ConfigMaps, { namespace: home.name, name: 'rules', data: { rules: JSON.stringify(rules) } })
  const resourceModifier = { kind: 'ConfigMap', name: 'rules' }
  const order = {
    kube,
    store,
    annotations,
    home: home.name,
    spec: { includedNamespaces: [at.namespace], resourceModifier },
  }
  for (const name of ['first', 'second']) {
    const { objects } = await planOf({ ...order, name })
    assertForeseen(objects, await bringBack({ ...order, name }))
    assert.deepEqual(await namesIn(kube, ConfigMaps, at.namespace), ['kube-root-ca.crt', 'new', 'old'])
  }
})
