import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { KubeClient } from '#kube/client.ts'
import { memoryStore } from '#store/memory.ts'
import type { ObjectStore } from '#store/store.ts'
import { backUp, namesOf, readBackup, type StoredContents } from '../support/backup-run.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make, Namespaces, Secrets } from '../support/objects.ts'

let kube: KubeClient
before(async () => {
  ;({ kube } = await sharedCluster())
})

async function backedUp(spec: Parameters<typeof backUp>[0]['spec']): Promise<StoredContents> {
  const store: ObjectStore = memoryStore()
  const backup = await backUp({ kube, store, spec: spec ?? {} })
  assert.equal(backup.status?.phase, 'Completed', JSON.stringify(backup.status))
  const contents = await readBackup(store)
  assert.deepEqual(contents.verification.differences, [])
  assert.equal(backup.status?.progress?.itemsBackedUp, contents.objects.size)
  return contents
}

/** Names without what the controllers put into every namespace. */
function ownNames(contents: StoredContents, resource: string): string[] {
  return namesOf(contents, resource).filter((name) => !name.endsWith('/kube-root-ca.crt'))
}

test('a backup of one namespace holds its objects and itself, and nothing of another one', async () => {
  await using shop = await testNamespace(kube)
  await using other = await testNamespace(kube)
  for (const namespace of [shop.name, other.name]) {
    await make(kube, ConfigMaps, { namespace, name: 'prices', data: { apple: '1' } })
    await make(kube, Secrets, { namespace, name: 'login', stringData: { user: 'me' } })
  }
  const contents = await backedUp({ includedNamespaces: [shop.name] })
  assert.deepEqual(ownNames(contents, 'configmaps'), [`${shop.name}/prices`])
  assert.deepEqual(ownNames(contents, 'secrets'), [`${shop.name}/login`])
  assert.deepEqual(ownNames(contents, 'namespaces'), [shop.name])
  const live = await kube.get(ConfigMaps, 'prices', { namespace: shop.name })
  assert.deepEqual(contents.objects.get(`resources/configmaps/namespaces/${shop.name}/prices.json`), live)
})

test('types can be left out or be the only ones taken', async () => {
  await using shop = await testNamespace(kube)
  await make(kube, ConfigMaps, { namespace: shop.name, name: 'prices' })
  await make(kube, Secrets, { namespace: shop.name, name: 'login' })
  const without = await backedUp({ includedNamespaces: [shop.name], excludedResources: ['secrets'] })
  assert.deepEqual(ownNames(without, 'secrets'), [])
  assert.deepEqual(ownNames(without, 'configmaps'), [`${shop.name}/prices`])
  const only = await backedUp({ includedNamespaces: [shop.name], includedResources: ['secrets'] })
  assert.deepEqual([...only.objects.keys()], [`resources/secrets/namespaces/${shop.name}/login.json`])
})

test('a selector takes what it matches and the namespace around it', async () => {
  await using shop = await testNamespace(kube)
  await make(kube, ConfigMaps, { namespace: shop.name, name: 'front', metadata: { labels: { tier: 'front' } } })
  await make(kube, ConfigMaps, { namespace: shop.name, name: 'back', metadata: { labels: { tier: 'back' } } })
  const contents = await backedUp({
    includedNamespaces: [shop.name],
    labelSelector: { matchLabels: { tier: 'front' } },
  })
  assert.deepEqual(namesOf(contents, 'configmaps'), [`${shop.name}/front`])
  assert.deepEqual(namesOf(contents, 'namespaces'), [shop.name])
})

test('an object that two of several selectors match is stored once', async () => {
  await using shop = await testNamespace(kube)
  const labels = { tier: 'front', team: 'blue' }
  await make(kube, ConfigMaps, { namespace: shop.name, name: 'both', metadata: { labels } })
  await make(kube, ConfigMaps, { namespace: shop.name, name: 'one', metadata: { labels: { team: 'blue' } } })
  await make(kube, ConfigMaps, { namespace: shop.name, name: 'none' })
  const contents = await backedUp({
    includedNamespaces: [shop.name],
    orLabelSelectors: [{ matchLabels: { tier: 'front' } }, { matchLabels: { team: 'blue' } }],
  })
  assert.deepEqual(namesOf(contents, 'configmaps'), [`${shop.name}/both`, `${shop.name}/one`])
})

test('what is labelled out stays out: an object, and a whole namespace with all that is in it', async () => {
  const labels = { 'velero.io/exclude-from-backup': 'true' }
  await using shop = await testNamespace(kube)
  await using secretive = await testNamespace(kube)
  await make(kube, ConfigMaps, { namespace: shop.name, name: 'private', metadata: { labels } })
  await make(kube, ConfigMaps, { namespace: shop.name, name: 'public' })
  await make(kube, ConfigMaps, { namespace: secretive.name, name: 'any' })
  await kube.patch(Namespaces, secretive.name, { merge: { metadata: { labels } } })
  const contents = await backedUp({ includedResources: ['configmaps', 'namespaces'] })
  const names = ownNames(contents, 'configmaps')
  assert.ok(names.includes(`${shop.name}/public`))
  assert.ok(!names.includes(`${shop.name}/private`))
  assert.ok(!names.includes(`${secretive.name}/any`))
  assert.ok(!namesOf(contents, 'namespaces').includes(secretive.name))
})

test('a namespace that does not exist makes the backup partial and is named in its results', async () => {
  await using shop = await testNamespace(kube)
  await make(kube, ConfigMaps, { namespace: shop.name, name: 'prices' })
  const store = memoryStore()
  const backup = await backUp({ kube, store, spec: { includedNamespaces: [shop.name, 'not-there'] } })
  assert.equal(backup.status?.phase, 'PartiallyFailed')
  assert.equal(backup.status?.errors, 1)
  assert.deepEqual(ownNames(await readBackup(store), 'configmaps'), [`${shop.name}/prices`])
})
