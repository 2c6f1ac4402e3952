import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryStore } from '#store/memory.ts'
import { backUp } from '../support/backup-run.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, Namespaces, make } from '../support/objects.ts'
import { bringBack, namesIn } from './restore-order.ts'

test('two namespaces are restored into one; of objects with one name the first comes, and a loss is told', async () => {
  const { kube } = await sharedCluster()
  await using one = await testNamespace(kube)
  await using other = await testNamespace(kube)
  const [first, second] = [one.name, other.name].toSorted() as [string, string]
  const target = `joint-${first}`
  const from = async (namespace: string, name: string, value: string, labels = {}): Promise<unknown> =>
    await make(kube, ConfigMaps, { namespace, name, metadata: { labels }, data: { value } })
  for (const namespace of [first, second]) {
    await from(namespace, `only-${namespace}`, 'x')
    await from(namespace, 'same', 'x')
    await from(namespace, 'differs', namespace)
    await from(namespace, 'chosen', namespace, { pick: namespace === second ? 'yes' : 'no' })
  }
  const store = memoryStore()
  await backUp({ kube, store, spec: { includedNamespaces: [first, second] } })
  const mapped = { namespaceMapping: { [first]: target, [second]: target } }
  const valueOf = async (name: string): Promise<unknown> =>
    ((await kube.get(ConfigMaps, name, { namespace: target }))['data'] as { value: string }).value
  try {
    const all = await bringBack({ kube, store, spec: mapped })
    assert.deepEqual(
      await namesIn(kube, ConfigMaps, target),
      ['chosen', 'differs', 'kube-root-ca.crt', 'same', `only-${first}`, `only-${second}`].toSorted(),
    )
    assert.equal(await valueOf('differs'), first)
    assert.equal(all.restore.status?.phase, 'Completed')
    const lost = (name: string): string =>
      `configmaps/${second}/${name} is not restored: configmaps/${first}/${name} comes to the same place and is not the same`
    const told = (all.results.warnings.namespaces?.[target] ?? []).filter((text) => !text.includes('kube-root-ca.crt'))
    assert.deepEqual(told, [lost('chosen'), lost('differs')])
    assert.deepEqual(
      all.resourceList['v1/ConfigMap']?.filter((line) => line.includes('/same(')),
      [`${target}/same(created)`],
    )

    // What a selector leaves out takes nobody's place.
    await kube.delete(ConfigMaps, 'chosen', { namespace: target })
    const labelSelector = { matchLabels: { pick: 'yes' } }
    const some = await bringBack({ kube, store, name: 'some', spec: { ...mapped, labelSelector } })
    assert.deepEqual(some.results.warnings, {})
    assert.equal(await valueOf('chosen'), second)
  } finally {
    await kube.delete(Namespaces, target)
  }
})
