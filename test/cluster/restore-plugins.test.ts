// Plug-ins in real restores: what they decide about items, what they wait for, and what their faults cost.
import assert from 'node:assert/strict'
import { before, suite, test } from 'node:test'
import type { Restore, RestoreSpec } from '#api/restore.ts'
import { decodeRestoreOperations, type RestoreOperation } from '#archive/item-operations.ts'
import { decodeResults } from '#archive/results.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import type { RestoreOperationStanding } from '#restore/operations.ts'
import { restoreKey } from '#store/layout.ts'
import { memoryStore } from '#store/memory.ts'
import type { ObjectStore } from '#store/store.ts'
import { backUp } from '../support/backup-run.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make, Namespaces, Secrets } from '../support/objects.ts'
import { pluginFolder, type PluginFolder } from '../support/plugins.ts'
import { bringBack } from './restore-order.ts'

let kube: KubeClient
before(async () => {
  ;({ kube } = await sharedCluster())
})

/** A namespace in a backup, and the name of another one into which it is restored. */
interface Shop extends AsyncDisposable {
  readonly store: ObjectStore
  readonly source: string
  readonly target: string
}

async function backedUp(maps: readonly string[], secrets: readonly string[] = []): Promise<Shop> {
  await using home = await testNamespace(kube)
  const store = memoryStore()
  const labels = { app: 'web' }
  for (const name of maps) {
    await make(kube, ConfigMaps, { namespace: home.name, name, metadata: { labels }, data: { from: 'backup' } })
  }
  for (const name of secrets) await make(kube, Secrets, { namespace: home.name, name })
  await backUp({ kube, store, spec: { includedNamespaces: [home.name] } })
  const target = `${home.name}-copy`
  return {
    store,
    source: home.name,
    target,
    [Symbol.asyncDispose]: async () => void (await kube.delete(Namespaces, target)),
  }
}

interface Restored {
  readonly restore: Restore
  readonly errors: string[]
  readonly warnings: string[]
  readonly operations: RestoreOperation[]
  readonly standings: RestoreOperationStanding[]
  /** ConfigMaps that the restore made. */
  readonly maps: ReadonlyMap<string, KubeObject>
  /** What the plug-in has written into its file `said`. */
  readonly said: string
}

interface RestoreOrder {
  readonly spec?: RestoreSpec
  /** Called once, when the restore first waits for operations. */
  readonly whileWaiting?: (plugins: PluginFolder) => Promise<void>
}

/** Restores a shop with one plug-in whose restore item actions are these. */
async function restoreWith(
  { store, source, target }: Shop,
  actions: string,
  { spec = {}, whileWaiting }: RestoreOrder = {},
): Promise<Restored> {
  const module = `export default { restoreItemActions: [${actions}] }`
  await using plugins = await pluginFolder({ 'a.mjs': module }, { callMillis: 3_000 })
  const standings: RestoreOperationStanding[] = []
  const { restore } = await bringBack({
    kube,
    store,
    spec: { namespaceMapping: { [source]: target }, ...spec },
    plugins: plugins.modules,
    operationPollMillis: 20,
    async onOperations(standing) {
      standings.push(standing)
      if (standings.length === 1) await whileWaiting?.(plugins)
    },
  })
  const { errors, warnings } = await decodeResults(await store.get(restoreKey('again', 'results')))
  const operations = await decodeRestoreOperations(await store.get(restoreKey('again', 'item-operations')))
  const made = (await kube.list(ConfigMaps, { namespace: target })).items
  const own = made.filter(({ metadata }) => metadata.labels?.['velero.io/restore-name'] !== undefined)
  return {
    restore,
    operations,
    standings,
    errors: Object.values(errors.namespaces ?? {}).flat(),
    warnings: Object.values(warnings.namespaces ?? {}).flat(),
    maps: new Map(own.map((map) => [map.metadata.name, map])),
    said: await plugins.said('said'),
  }
}

const forMaps = `name: 'example.com/test', appliesTo: { includedResources: ['cm'] }`

suite('what plug-ins decide about items of a restore', () => {
  test('they change and leave out; they see the item as our own steps leave it, and as it is in the backup', async () => {
    await using shop = await backedUp(['changed', 'skipped'])
    const restored = await restoreWith(
      shop,
      `{ ${forMaps}, execute(item, { restore, itemFromBackup }) {
          if (item.metadata.name === 'skipped') return { skip: true }
          const data = { ...item.data, restore: restore.metadata.name, uid: String(item.metadata.uid), was: itemFromBackup.metadata.uid,
            namespace: item.metadata.namespace }
          return { item: { ...item, data, metadata: { ...item.metadata, labels: { seen: 'yes' } } } }
        } },
        { name: 'example.com/second', appliesTo: { labelSelector: 'seen=yes' }, execute: (item) =>
          ({ item: { ...item, data: { ...item.data, second: 'yes' } } }) }`,
    )
    assert.equal(restored.restore.status?.phase, 'Completed', restored.errors.join('\n'))
    const { was, ...data } = (restored.maps.get('changed')?.['data'] ?? {}) as Record<string, string>
    assert.deepEqual(data, {
      from: 'backup',
      restore: 'again',
      uid: 'undefined',
      namespace: shop.source,
      second: 'yes',
    })
    assert.match(was ?? '', /^[0-9a-f-]{36}$/)
    assert.equal(restored.maps.has('skipped'), false)
  })

  test('additional items are restored although a selector leaves them out, one that is not in the backup is a warning', async () => {
    await using shop = await backedUp(['asks'], ['wanted'])
    const restored = await restoreWith(
      shop,
      `{ ${forMaps}, execute: ({ metadata: { name, namespace } }) => name === 'asks' ? ({ additionalItems: [
        { resource: 'secrets', namespace, name: 'wanted' }, { resource: 'secrets', namespace, name: 'missing' }] }) : undefined }`,
      { spec: { labelSelector: { matchLabels: { app: 'web' } } } },
    )
    assert.equal(restored.restore.status?.phase, 'Completed')
    assert.ok(await kube.find(Secrets, 'wanted', { namespace: shop.target }))
    assert.match(
      restored.warnings.join('\n'),
      /secrets\/.*\/missing is not in the backup, but configmaps\/.*\/asks needs it/,
    )
  })

  test('an item waits until the action says that its additional items are ready', async () => {
    await using shop = await backedUp(['asks'], ['wanted'])
    const restored = await restoreWith(
      shop,
      `{ ${forMaps}, execute({ metadata: { name, namespace } }) {
          if (name !== 'asks') return
          return { waitForAdditionalItems: true, additionalItems: [
            { resource: 'secrets', namespace, name: 'wanted' }, { resource: 'secrets', namespace, name: 'missing' }] }
        },
        areAdditionalItemsReady(items) {
          say('said', items.map(({ name }) => name).join())
          this.asked = (this.asked ?? 0) + 1
          return this.asked > 1
        } }`,
    )
    assert.equal(restored.restore.status?.phase, 'Completed')
    assert.equal(restored.said, 'wanted\nwanted\n')
    assert.ok(restored.maps.has('asks'))
  })

  test('what never gets ready is an error, and the item is restored all the same', async () => {
    await using shop = await backedUp(['asks'], ['wanted'])
    const restored = await restoreWith(
      shop,
      `{ ${forMaps}, execute: ({ metadata: { name, namespace } }) => name === 'asks' ? ({ waitForAdditionalItems: true,
          additionalItemsTimeoutSeconds: 0.1, additionalItems: [{ resource: 'secrets', namespace, name: 'wanted' }] }) : undefined,
        areAdditionalItemsReady: () => false }`,
    )
    assert.equal(restored.restore.status?.phase, 'PartiallyFailed')
    assert.match(
      restored.errors.join(),
      /asks: additional items of plug-in action example\.com\/test were not ready within 0\.1 s/,
    )
    assert.ok(restored.maps.has('asks'))
  })

  test('a fault costs its item and nothing else', async () => {
    const faults = {
      throws: `throw new Error('no idea')`,
      hangs: 'await new Promise(() => {})',
      exits: 'process.exit(3)',
      nonsense: `return { itme: 1 }`,
      renames: `return { item: { ...item, metadata: { ...item.metadata, name: 'other' } } }`,
    }
    await using shop = await backedUp([...Object.keys(faults), 'good'])
    const cases = Object.entries(faults).map(([name, body]) => `if (item.metadata.name === '${name}') { ${body} }`)
    const restored = await restoreWith(
      shop,
      `{ ${forMaps}, async execute(item) { ${cases.join('\n')}
        return { item: { ...item, data: { seen: 'yes' } } } } }`,
    )
    assert.equal(restored.restore.status?.phase, 'PartiallyFailed')
    assert.equal(restored.restore.status?.errors, 5, restored.errors.join('\n'))
    for (const words of [
      /throws.*: no idea/,
      /hangs.*within 3 s/,
      /exits.*exit code 3/,
      /nonsense.*itme/,
      /renames.*changed metadata\.name/,
    ]) {
      assert.match(restored.errors.join('\n'), words)
    }
    assert.deepEqual([...restored.maps.keys()], ['good'])
    assert.deepEqual(restored.maps.get('good')?.['data'], { seen: 'yes' })
  })
})

suite('operations of plug-ins in a restore', () => {
  const starting = (rest: string): string =>
    `{ ${forMaps}, execute: ({ metadata: { name } }) => name === 'starts' ? ({ operation: { id: 'op-1' } }) : undefined, ${rest} }`

  test('are waited for, and recorded as Velero does', async () => {
    await using shop = await backedUp(['starts'])
    const restored = await restoreWith(
      shop,
      starting(`progress: (id, { restore }) => ({ completed: there('done'), description: restore.status.phase })`),
      { whileWaiting: (plugins) => plugins.cue('done') },
    )
    const { status } = restored.restore
    assert.equal(status?.phase, 'Completed', restored.errors.join('\n'))
    assert.deepEqual([status?.restoreItemOperationsAttempted, status?.restoreItemOperationsCompleted], [1, 1])
    assert.equal(restored.standings[0]?.phase, 'WaitingForPluginOperations')
    assert.equal(restored.standings.at(-1)?.phase, 'Finalizing')
    const [operation, ...more] = restored.operations
    assert.deepEqual(more, [])
    assert.deepEqual(operation?.spec, {
      restoreName: 'again',
      restoreUID: restored.restore.metadata.uid ?? '',
      restoreItemAction: 'example.com/test',
      resourceIdentifier: { Group: '', Resource: 'configmaps', Namespace: shop.target, Name: 'starts' },
      operationID: 'op-1',
    })
    assert.equal(operation?.status.phase, 'Completed')
    assert.equal(operation?.status.description, 'WaitingForPluginOperations')
  })

  test('that fail make it PartiallyFailed; what was restored stays', async () => {
    await using shop = await backedUp(['starts'])
    const restored = await restoreWith(shop, starting(`progress: () => ({ completed: true, error: 'disk full' })`))
    assert.equal(restored.restore.status?.phase, 'PartiallyFailed')
    assert.equal(restored.restore.status?.restoreItemOperationsFailed, 1)
    assert.match(restored.errors.join(), /operation op-1 of plug-in action example\.com\/test failed: disk full/)
    assert.ok(restored.maps.has('starts'))
  })

  test('that take longer than itemOperationTimeout are cancelled', async () => {
    await using shop = await backedUp(['starts'])
    const restored = await restoreWith(
      shop,
      starting(`progress: () => ({ completed: false }), cancel: (id) => say('said', 'cancelled ' + id)`),
      { spec: { itemOperationTimeout: '1s' } },
    )
    assert.equal(restored.restore.status?.phase, 'PartiallyFailed')
    assert.equal(restored.said, 'cancelled op-1\n')
    assert.equal(restored.operations[0]?.status.error, 'Asynchronous action timed out')
  })
})
