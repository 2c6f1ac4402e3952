import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryStore } from '#store/memory.ts'
import { backUp } from '../support/backup-run.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, Secrets, ServiceAccounts, make } from '../support/objects.ts'
import { bringBack } from './restore-order.ts'

test('objects that are there are left alone; those that differ make a warning each', async () => {
  const { kube } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  const { name } = namespace
  const store = memoryStore()
  await make(kube, ConfigMaps, { name: 'same', namespace: name, data: { a: '1' } })
  await make(kube, ConfigMaps, { name: 'drifted', namespace: name, data: { a: '1' } })
  await make(kube, ConfigMaps, { name: 'lost', namespace: name, data: { a: '1' } })
  const spec = { includedNamespaces: [name] }
  await backUp({ kube, store, spec })
  await kube.patch(ConfigMaps, 'drifted', { merge: { data: { a: '2' } } }, { namespace: name })
  await kube.delete(ConfigMaps, 'lost', { namespace: name })
  const before = await kube.get(ConfigMaps, 'drifted', { namespace: name })

  const { restore, results, resourceList } = await bringBack({ kube, store, spec })
  assert.equal(restore.status?.phase, 'Completed')
  assert.equal(restore.status?.warnings, 1)
  assert.deepEqual(results, {
    errors: {},
    warnings: {
      namespaces: {
        [name]: [
          'could not restore, ConfigMap:drifted already exists. Warning: the in-cluster version is different than the backed-up version',
        ],
      },
    },
  })
  assert.deepEqual(await kube.get(ConfigMaps, 'drifted', { namespace: name }), before)
  assert.deepEqual(resourceList['v1/ConfigMap'], [
    `${name}/drifted(failed)`,
    `${name}/kube-root-ca.crt(skipped)`,
    `${name}/lost(created)`,
    `${name}/same(skipped)`,
  ])
})

test('with policy update what differs becomes as it was', async () => {
  const { kube } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  const { name } = namespace
  const store = memoryStore()
  await make(kube, ConfigMaps, { name: 'drifted', namespace: name, data: { a: '1' } })
  const spec = { includedNamespaces: [name] }
  await backUp({ kube, store, spec })
  await kube.patch(ConfigMaps, 'drifted', { merge: { data: { a: '2', b: '3' } } }, { namespace: name })
  const { resourceList } = await bringBack({ kube, store, spec: { ...spec, existingResourcePolicy: 'update' } })
  const live = await kube.get(ConfigMaps, 'drifted', { namespace: name })
  assert.deepEqual(live['data'], { a: '1' })
  assert.equal(live.metadata.labels?.['velero.io/restore-name'], 'again')
  assert.ok(resourceList['v1/ConfigMap']?.includes(`${name}/drifted(updated)`))
})

test('a ServiceAccount that is there gets what the archived one has more, and keeps its own', async () => {
  const { kube } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  const { name } = namespace
  const store = memoryStore()
  await make(kube, Secrets, { name: 'old-pull', namespace: name })
  await make(kube, ServiceAccounts, {
    name: 'till',
    namespace: name,
    metadata: { labels: { owner: 'old', tier: 'web' } },
    imagePullSecrets: [{ name: 'old-pull' }],
  })
  const spec = { includedNamespaces: [name] }
  await backUp({ kube, store, spec })
  await kube.delete(ServiceAccounts, 'till', { namespace: name })
  await make(kube, ServiceAccounts, {
    name: 'till',
    namespace: name,
    metadata: { labels: { owner: 'new' } },
    imagePullSecrets: [{ name: 'new-pull' }],
  })
  const { results, resourceList } = await bringBack({ kube, store, spec })
  assert.deepEqual(results.warnings, {})
  const live = await kube.get(ServiceAccounts, 'till', { namespace: name })
  assert.deepEqual(live['imagePullSecrets'], [{ name: 'new-pull' }, { name: 'old-pull' }])
  assert.deepEqual(live.metadata.labels, { owner: 'new', tier: 'web' })
  assert.ok(resourceList['v1/ServiceAccount']?.includes(`${name}/till(updated)`))
})

test('a restore of thousands of objects that are all there costs a few lists, not a call for each', async () => {
  const { kube } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  const { name } = namespace
  const store = memoryStore()
  const many = 1_200
  for (let start = 0; start < many; start += 50) {
    await Promise.all(
      Array.from({ length: 50 }, (_, at) => make(kube, ConfigMaps, { name: `c-${start + at}`, namespace: name })),
    )
  }
  const spec = { includedNamespaces: [name] }
  await backUp({ kube, store, spec })
  const before = kube.calls
  const { restore, resourceList } = await bringBack({ kube, store, spec })
  assert.ok(kube.calls - before < many / 8, `${kube.calls - before} calls`)
  assert.equal(restore.status?.phase, 'Completed')
  assert.equal(restore.status?.warnings, undefined)
  assert.equal(resourceList['v1/ConfigMap']?.filter((line) => line.endsWith('(skipped)')).length, many + 1)
})
