import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Item } from '#kube/object.ts'
import { item, plugin, types, withModule } from './test-modules.ts'

suite('an action gets the items that it selects', () => {
  async function gets(appliesTo: object, items: readonly Item[]): Promise<string[]> {
    const source = plugin(`{ name: 'a.io/x', appliesTo: ${JSON.stringify(appliesTo)}, execute() {} }`)
    let names: string[] = []
    await withModule(source, async (actions) => {
      names = items.filter((one) => actions.of(one).length > 0).map(({ name }) => name)
      await Promise.resolve()
    })
    return names
  }

  const items = [
    item('map'),
    item('map-b', { namespace: 'shop-b' }),
    item('pod', { type: types[1]!, labels: { app: 'web' } }),
    item('web', { type: types[2]!, labels: { app: 'web' } }),
    item('cluster', { namespace: undefined }),
  ]

  test('by resource, in any of its names', async () => {
    assert.deepEqual(await gets({ includedResources: ['po', 'deploy.apps'] }, items), ['pod', 'web'])
    assert.deepEqual(await gets({ excludedResources: ['configmaps'] }, items), ['pod', 'web'])
    assert.deepEqual(await gets({ includedResources: ['nonsense'] }, items), [])
  })

  test('by namespace, with patterns; an action for some namespaces gets nothing outside of namespaces', async () => {
    assert.deepEqual(await gets({ includedNamespaces: ['shop-*'] }, items), ['map-b'])
    assert.deepEqual(await gets({ excludedNamespaces: ['shop'] }, items), ['map-b'])
    assert.deepEqual(await gets({ includedNamespaces: ['*'], includedResources: ['cm'] }, items), [
      'map',
      'map-b',
      'cluster',
    ])
  })

  test('by labels', async () => {
    assert.deepEqual(await gets({ labelSelector: 'app in (web,db)' }, items), ['pod', 'web'])
  })

  test('and without a selector all of them', async () => {
    assert.equal((await gets({}, items)).length, items.length)
  })
})
