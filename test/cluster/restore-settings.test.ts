// What decides about a restore besides the Restore itself: ConfigMaps of Velero's actions, and flags of the server.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PackItem } from '#archive/pack.ts'
import { packArchive } from '#archive/pack.ts'
import type { KubeClient } from '#kube/client.ts'
import { type KubeObject, type ResourceType, apiVersionOf } from '#kube/object.ts'
import { backupKey } from '#store/layout.ts'
import { memoryStore } from '#store/memory.ts'
import type { ObjectStore } from '#store/store.ts'
import { backUp } from '../support/backup-run.ts'
import { ownCluster, sharedCluster, testNamespace } from '../support/cluster.ts'
import { customType, define } from '../support/custom-type.ts'
import {
  Claims,
  ConfigMaps,
  Deployments,
  Roles,
  Secrets,
  StatefulSets,
  StorageClasses,
  make,
} from '../support/objects.ts'
import { putStoredBackup } from '../support/stored-backup.ts'
import { bringBack, removeNamespace } from './restore-order.ts'

/** A ConfigMap that configures one of Velero's restore actions. */
async function configure(
  kube: KubeClient,
  { home, action, name = action, data }: { home: string; action: string; name?: string; data: Record<string, string> },
): Promise<void> {
  const labels = { 'velero.io/plugin-config': '', [`velero.io/${action}`]: 'RestoreItemAction' }
  await make(kube, ConfigMaps, { name, namespace: home, metadata: { labels }, data })
}

const claimSpec = (storageClassName: string): object => ({
  storageClassName,
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: '1Mi' } },
})

async function makeClass(kube: KubeClient, name: string): Promise<AsyncDisposable> {
  await make(kube, StorageClasses, { name, provisioner: 'test.dev/none', volumeBindingMode: 'WaitForFirstConsumer' })
  return { [Symbol.asyncDispose]: async () => void (await kube.delete(StorageClasses, name)) }
}

test('storage classes are changed as the ConfigMap says, if the new one is there', async () => {
  const { kube } = await sharedCluster()
  await using home = await testNamespace(kube)
  await using namespace = await testNamespace(kube)
  const { name } = namespace
  await using _slow = await makeClass(kube, `slow-${name}`)
  await using _fast = await makeClass(kube, `fast-${name}`)
  const at = { namespace: name }
  await make(kube, Claims, { ...at, name: 'moved', spec: claimSpec(`slow-${name}`) })
  await make(kube, Claims, { ...at, name: 'lost', spec: claimSpec(`old-${name}`) })
  await make(kube, Claims, { ...at, name: 'kept', spec: claimSpec(`fast-${name}`) })
  const template = { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  await make(kube, StatefulSets, {
    ...at,
    name: 'db',
    spec: {
      replicas: 0,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template,
      volumeClaimTemplates: [{ metadata: { name: 'rows' }, spec: claimSpec(`slow-${name}`) }],
    },
  })
  const store = memoryStore()
  await backUp({ kube, store, spec: { includedNamespaces: [name] } })
  await removeNamespace(kube, name)
  const data = { [`slow-${name}`]: `fast-${name}`, [`old-${name}`]: `gone-${name}` }
  await configure(kube, { home: home.name, action: 'change-storage-class', data })

  const { results, resourceList } = await bringBack({ kube, store, home: home.name })
  const classOf = async (claim: string): Promise<unknown> =>
    ((await kube.find(Claims, claim, at))?.['spec'] as { storageClassName?: string } | undefined)?.storageClassName
  assert.equal(await classOf('moved'), `fast-${name}`)
  assert.equal(await classOf('kept'), `fast-${name}`)
  assert.equal(await classOf('lost'), undefined)
  const set = await kube.get(StatefulSets, 'db', at)
  const { volumeClaimTemplates } = set['spec'] as { volumeClaimTemplates: { spec: { storageClassName: string } }[] }
  assert.equal(volumeClaimTemplates[0]?.spec.storageClassName, `fast-${name}`)
  assert.deepEqual(results.errors, {
    namespaces: {
      [name]: [
        `error restoring persistentvolumeclaims/${name}/lost: there is no StorageClass gone-${name}, to which it is to be changed`,
      ],
    },
  })
  assert.ok(resourceList['v1/PersistentVolumeClaim']?.includes(`${name}/moved(created)`))
})

test('a storage class that the restore itself brings back can be changed to', async () => {
  const { kube } = await sharedCluster()
  await using home = await testNamespace(kube)
  await using namespace = await testNamespace(kube)
  const { name } = namespace
  const fast = await makeClass(kube, `fast-${name}`)
  await make(kube, Claims, { namespace: name, name: 'rows', spec: claimSpec(`slow-${name}`) })
  const store = memoryStore()
  const spec = { includedNamespaces: [name], includeClusterResources: true, includedResources: ['pvc', 'sc', 'ns'] }
  await backUp({ kube, store, spec })
  await fast[Symbol.asyncDispose]()
  await removeNamespace(kube, name)
  await configure(kube, {
    home: home.name,
    action: 'change-storage-class',
    data: { [`slow-${name}`]: `fast-${name}` },
  })
  const { results } = await bringBack({
    kube,
    store,
    home: home.name,
    spec: { includedNamespaces: [name], includeClusterResources: true },
  })
  try {
    assert.deepEqual(results.errors, {})
    const { spec: made } = (await kube.get(Claims, 'rows', { namespace: name })) as KubeObject & { spec: object }
    assert.partialDeepStrictEqual(made, { storageClassName: `fast-${name}` })
  } finally {
    await kube.delete(StorageClasses, `fast-${name}`)
  }
})

test('images are changed as the ConfigMap says; two ConfigMaps for one action fail what it looks at', async () => {
  const { kube } = await sharedCluster()
  await using home = await testNamespace(kube)
  await using namespace = await testNamespace(kube)
  const { name } = namespace
  const at = { namespace: name }
  const template = {
    metadata: { labels: { app: 'w' } },
    spec: { containers: [{ name: 'c', image: 'old.test/web:1' }] },
  }
  const spec = { replicas: 0, selector: { matchLabels: { app: 'w' } }, template }
  await make(kube, Deployments, { ...at, name: 'web', spec })
  await make(kube, ConfigMaps, { ...at, name: 'prices' })
  const store = memoryStore()
  const only = { includedNamespaces: [name], includedResources: ['deployments', 'configmaps'] }
  await backUp({ kube, store, spec: only })
  await configure(kube, {
    home: home.name,
    action: 'change-image-name',
    data: { first: 'old.test/, new.test/mirror/', nothing: 'no comma', half: 'old,' },
  })
  await kube.delete(Deployments, 'web', at)
  const first = await bringBack({ kube, store, home: home.name })
  assert.deepEqual(first.results.errors, {})
  const web = (await kube.get(Deployments, 'web', at)) as KubeObject & {
    spec: { template: { spec: { containers: { image: string }[] } } }
  }
  assert.equal(web.spec.template.spec.containers[0]?.image, 'new.test/mirror/web:1')

  await configure(kube, { home: home.name, action: 'change-image-name', name: 'other', data: {} })
  await kube.delete(Deployments, 'web', at)
  await kube.delete(ConfigMaps, 'prices', at)
  const second = await bringBack({ kube, store, home: home.name, name: 'second' })
  assert.deepEqual(second.results.errors, {
    namespaces: {
      [name]: [
        `error restoring deployments.apps/${name}/web: there are 2 ConfigMaps for velero.io/change-image-name in ${home.name}: change-image-name, other; keep one`,
      ],
    },
  })
  assert.equal(second.restore.status?.phase, 'PartiallyFailed')
  assert.notEqual(await kube.find(ConfigMaps, 'prices', at), undefined)
})

test('types come in the order of the server flag, also when short names say which', async () => {
  const { kube } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  const { name } = namespace
  for (let number = 0; number < 12; number += 1) {
    for (const type of [ConfigMaps, Secrets, Roles]) await make(kube, type, { namespace: name, name: `x-${number}` })
  }
  const store = memoryStore()
  await backUp({ kube, store, spec: { includedNamespaces: [name] } })
  for (const [high, low] of [
    [['secrets', 'cm'], ['role']],
    [['roles.rbac.authorization.k8s.io', 'secret'], ['configmaps']],
  ] as const) {
    await removeNamespace(kube, name)
    await bringBack({ kube, store, name: `by-${high[0]}`, settings: { priorities: { high, low } } })
    const made = new Map<string, number[]>()
    for (const type of [ConfigMaps, Secrets, Roles]) {
      const { items } = await kube.list(type, { namespace: name })
      const own = items.filter(({ metadata }) => metadata.name.startsWith('x-'))
      assert.equal(own.length, 12)
      // Nobody has touched them since they were made.
      made.set(
        type.plural,
        own.map(({ metadata }) => Number(metadata.resourceVersion)),
      )
    }
    const order = high[0] === 'secrets' ? ['secrets', 'configmaps', 'roles'] : ['roles', 'secrets', 'configmaps']
    const spans = order.map((type) => made.get(type) ?? [])
    assert.ok(Math.max(...spans[0]!) < Math.min(...spans[1]!), order.join())
    assert.ok(Math.max(...spans[1]!) < Math.min(...spans[2]!), order.join())
  }
})

/** A backup as Velero makes it with EnableAPIGroupVersions: each object in each version, and once more without one. */
async function putVersions(
  store: ObjectStore,
  { type, versions, namespace }: { type: ResourceType; versions: readonly string[]; namespace: string },
): Promise<void> {
  async function* items(): AsyncGenerator<PackItem> {
    for (const [index, version] of versions.entries()) {
      const versioned = { ...type, version }
      const metadata = { name: 'lead', namespace }
      const object = { apiVersion: apiVersionOf(versioned), kind: type.kind, metadata, spec: { from: version } }
      yield { preferred: index === 0, item: { type: versioned, namespace, name: 'lead', object } }
    }
  }
  await putStoredBackup(store, 'nightly')
  await store.put(backupKey('nightly', 'contents'), packArchive(items(), { mtime: new Date() }))
}

test(
  'with EnableAPIGroupVersions each type comes in the version that suits cluster and user',
  { timeout: 90_000 },
  async () => {
    await using cluster = await ownCluster()
    const { kube } = cluster
    await using home = await testNamespace(kube)
    await using namespace = await testNamespace(kube)
    const Bands = customType('rockbands')
    const openAPIV3Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
    const served = ['v1', 'v2beta1', 'v2beta2'].map((name) => {
      return { name, served: true, storage: name === 'v1', schema: { openAPIV3Schema } }
    })
    await define(kube, Bands, { versions: served })
    let number = 0
    const restored = async (versions: readonly string[], choosesVersions = true): Promise<unknown> => {
      const store = memoryStore()
      await putVersions(store, { type: Bands, versions, namespace: namespace.name })
      const name = `r${(number += 1)}`
      const { restore } = await bringBack({ kube, store, name, home: home.name, settings: { choosesVersions } })
      const found = await kube.find(Bands, 'lead', { namespace: namespace.name })
      await kube.delete(Bands, 'lead', { namespace: namespace.name })
      return found === undefined ? restore.status?.phase : (found['spec'] as { from: string }).from
    }
    // What the cluster prefers, though the backup preferred another; without the feature the unversioned copy.
    assert.equal(await restored(['v2beta1', 'v1']), 'v1')
    assert.equal(await restored(['v2beta1', 'v1'], false), 'v2beta1')
    // The backup's own, then the newest that both have.
    assert.equal(await restored(['v2beta1', 'v3']), 'v2beta1')
    assert.equal(await restored(['v3', 'v2beta1', 'v2beta2']), 'v2beta2')
    // None in common: the object cannot be restored, and says so.
    assert.equal(await restored(['v3', 'v4']), 'PartiallyFailed')
    const data = { restoreResourcesVersionPriority: 'rockbands.faults.lifeboat.test = v9,v2beta1\n' }
    await make(kube, ConfigMaps, { name: 'enableapigroupversions', namespace: home.name, data })
    assert.equal(await restored(['v1', 'v2beta1', 'v2beta2']), 'v2beta1')
    assert.equal(await restored(['v1', 'v2beta2']), 'v1')
  },
)
