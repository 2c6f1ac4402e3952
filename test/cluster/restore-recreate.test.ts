import assert from 'node:assert/strict'
import { test } from 'node:test'
import { restoreWishKeys } from '#api/restore-wishes.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { memoryStore } from '#store/memory.ts'
import { backUp } from '../support/backup-run.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { faultyApi } from '../support/faulty-api.ts'
import { Claims, ConfigMaps, Deployments, Pods, Services, make } from '../support/objects.ts'
import { bringBack, eventually } from './restore-order.ts'
import { assertForeseen, planOf } from './restore-plan.ts'

const ReplicaSets: ResourceType = { ...Deployments, plural: 'replicasets', kind: 'ReplicaSet' }
const annotations = { [restoreWishKeys.existingResourcePolicy]: 'recreate' }

function deployment(color: string): object {
  const labels = { app: 'web', color }
  const spec = { containers: [{ name: 'web', image: 'shop/web:1' }] }
  return { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } }
}

const service = (app: string): object => ({ ports: [{ port: 80 }], selector: { app } })
const claim = (more: object = {}): object => ({
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: '1Gi' } },
  ...more,
})

/** Makes the object anew, as somebody might have done since the backup. */
async function replace(
  kube: KubeClient,
  type: ResourceType,
  { name, namespace, ...rest }: { name: string; namespace: string } & Record<string, unknown>,
): Promise<KubeObject> {
  await kube.delete(type, name, { namespace, propagation: 'Background' })
  await eventually(async () => (await kube.find(type, name, { namespace })) === undefined, `${name} gone`)
  return await make(kube, type, { name, namespace, ...rest })
}

async function podOf(kube: KubeClient, namespace: string, color: string): Promise<KubeObject> {
  let found: KubeObject | undefined
  await eventually(async () => {
    const { items } = await kube.list(Pods, { namespace, labelSelector: `color=${color}` })
    found = items[0]
    return found !== undefined
  }, `a ${color} pod`)
  return found!
}

test('with policy recreate what cannot be updated is made anew, and nothing else is touched', async () => {
  const { kube } = await sharedCluster()
  await using namespaced = await testNamespace(kube)
  const at = { namespace: namespaced.name }
  const store = memoryStore()
  for (const name of ['fixed', 'same']) await make(kube, ConfigMaps, { ...at, name, immutable: true, data: { a: '1' } })
  for (const name of ['drifted', 'calm']) await make(kube, Services, { ...at, name, spec: service('web') })
  await make(kube, Deployments, { ...at, name: 'web', spec: deployment('blue') })
  await make(kube, Claims, { ...at, name: 'data', spec: claim() })
  await podOf(kube, at.namespace, 'blue')
  const spec = { includedNamespaces: [at.namespace] }
  await backUp({ kube, store, spec })
  await replace(kube, ConfigMaps, { ...at, name: 'fixed', immutable: true, data: { a: '2' } })
  await kube.patch(Services, 'drifted', { merge: { spec: { selector: { app: 'other' } } } }, at)
  await replace(kube, Deployments, { ...at, name: 'web', spec: deployment('green') })
  const pod = await podOf(kube, at.namespace, 'green')
  await replace(kube, Claims, { ...at, name: 'data', spec: claim({ storageClassName: 'other' }) })
  const uids = async (): Promise<Record<string, string>> => {
    const found: Record<string, string> = {}
    for (const type of [ConfigMaps, Services, Deployments, Claims, Pods]) {
      for (const { metadata } of (await kube.list(type, at)).items)
        found[`${type.plural} ${metadata.name}`] = metadata.uid ?? ''
    }
    return found
  }
  const before = await uids()

  const { objects } = await planOf({ kube, store, spec, annotations })
  assert.deepEqual(await uids(), before)
  const end = await bringBack({ kube, store, spec, annotations })
  assertForeseen(objects, end)

  const afterwards = await uids()
  const changed = Object.keys(before).filter((key) => before[key] !== afterwards[key])
  assert.deepEqual(changed.toSorted(), ['configmaps fixed', 'deployments web', 'services drifted'])
  assert.deepEqual((await kube.get(ConfigMaps, 'fixed', at))['data'], { a: '1' })
  assert.deepEqual(((await kube.get(Services, 'drifted', at))['spec'] as { selector: object }).selector, { app: 'web' })
  const { matchLabels } = ((await kube.get(Deployments, 'web', at))['spec'] as { selector: { matchLabels: object } })
    .selector
  assert.deepEqual(matchLabels, { app: 'web', color: 'blue' })
  // What it owned was let go, not deleted with it.
  assert.equal((await kube.get(Pods, pod.metadata.name, at)).metadata.deletionTimestamp, undefined)
  const claims = end.results.warnings.namespaces?.[at.namespace]?.filter((text) =>
    text.includes('PersistentVolumeClaim'),
  )
  assert.match(claims?.join() ?? '', /it is not recreated, since data would be lost/)
  const [green] = (await kube.list(ReplicaSets, { ...at, labelSelector: 'color=green' })).items
  assert.equal(green?.metadata.ownerReferences, undefined)
})

test('an object that the API server would not take again is left as it is', async () => {
  const { kube } = await sharedCluster()
  await using namespaced = await testNamespace(kube)
  const at = { namespace: namespaced.name }
  const store = memoryStore()
  await make(kube, ConfigMaps, { ...at, name: 'big', metadata: { labels: { app: 'x' } }, data: { a: '1' } })
  const spec = { includedNamespaces: [at.namespace], labelSelector: { matchLabels: { app: 'x' } } }
  await backUp({ kube, store, spec: { includedNamespaces: [at.namespace] } })
  await kube.patch(ConfigMaps, 'big', { merge: { data: { a: '2' } } }, at)
  const before = await kube.get(ConfigMaps, 'big', at)
  const Quotas: ResourceType = { ...ConfigMaps, plural: 'resourcequotas', kind: 'ResourceQuota' }
  await make(kube, Quotas, { ...at, name: 'full', spec: { hard: { 'count/configmaps': '1' } } })
  await eventually(async () => {
    const quota = await kube.get(Quotas, 'full', at)
    return (quota['status'] as { used?: object } | undefined)?.used !== undefined
  }, 'the quota counts')

  const { objects } = await planOf({ kube, store, spec, annotations })
  const end = await bringBack({ kube, store, spec, annotations })
  assertForeseen(objects, end)
  assert.match(
    end.results.errors.namespaces?.[at.namespace]?.join() ?? '',
    new RegExp(`error restoring configmaps/${at.namespace}/big: .*exceeded quota.*; it was left as it is`),
  )
  assert.deepEqual(await kube.get(ConfigMaps, 'big', at), before)
})

test('an object that does not go in time is an error that names what holds it', async () => {
  const { kube } = await sharedCluster()
  await using namespaced = await testNamespace(kube)
  const at = { namespace: namespaced.name }
  const store = memoryStore()
  const spec = { includedNamespaces: [at.namespace] }
  await make(kube, ConfigMaps, { ...at, name: 'held', data: { a: '1' } })
  await backUp({ kube, store, spec })
  await kube.patch(ConfigMaps, 'held', { merge: { metadata: { finalizers: ['shop.test/hold'] } } }, at)
  try {
    const { restore, results } = await bringBack({ kube, store, spec, annotations, patience: { deletion: 500 } })
    assert.equal(restore.status?.phase, 'PartiallyFailed')
    assert.match(
      results.errors.namespaces?.[at.namespace]?.join() ?? '',
      /configmaps\/.*\/held: it was deleted to be made anew, but is not gone after \d s \(finalizers: shop\.test\/hold\)/,
    )
  } finally {
    await kube.patch(ConfigMaps, 'held', { merge: { metadata: { finalizers: null } } }, at)
  }
})

test('an object that is gone and cannot be made is an error that says so', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using namespaced = await testNamespace(kube)
  const at = { namespace: namespaced.name }
  const store = memoryStore()
  await make(kube, ConfigMaps, { ...at, name: 'doomed', metadata: { labels: { app: 'x' } }, data: { a: '1' } })
  const spec = { includedNamespaces: [at.namespace], labelSelector: { matchLabels: { app: 'x' } } }
  await backUp({ kube, store, spec: { includedNamespaces: [at.namespace] } })
  await kube.patch(ConfigMaps, 'doomed', { merge: { data: { a: '2' } } }, at)
  let checked = false
  await using api = await faultyApi(kubeconfigPath, ({ pathname, searchParams }) => {
    if (!pathname.endsWith('/configmaps')) return undefined
    checked ||= searchParams.has('dryRun')
    const creates = !searchParams.has('dryRun') && !searchParams.has('limit')
    const status = { kind: 'Status', code: 422, reason: 'Invalid', message: 'changed its mind' }
    return checked && creates ? { status: 422, body: JSON.stringify(status) } : undefined
  })
  const { restore, results } = await bringBack({ kube: api.kube, store, spec, annotations })
  assert.equal(restore.status?.phase, 'PartiallyFailed')
  assert.match(
    results.errors.namespaces?.[at.namespace]?.join() ?? '',
    /configmaps\/.*\/doomed: it was deleted to be made anew, and is missing now: changed its mind; restore it again/,
  )
  assert.equal(await kube.find(ConfigMaps, 'doomed', at), undefined)
})
