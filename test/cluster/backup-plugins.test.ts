// Plug-ins in real backups: what they decide about items, and that none of their faults costs more than its item.
import assert from 'node:assert/strict'
import { before, suite, test } from 'node:test'
import type { Backup, BackupSpec } from '#api/backup.ts'
import type { BackupRun } from '#backup/run.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import type { PluginLimits } from '#plugins/open.ts'
import { memoryStore } from '#store/memory.ts'
import { backUp, namesOf, readBackup, type StoredContents } from '../support/backup-run.ts'
import { findingsOf } from '../support/backup-results.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make, PriorityClasses, Secrets } from '../support/objects.ts'
import { actingOnMaps, pluginFolder, type PluginFolder } from '../support/plugins.ts'

let kube: KubeClient
before(async () => {
  ;({ kube } = await sharedCluster())
})

interface Made extends StoredContents {
  readonly backup: Backup
  readonly errors: string[]
  readonly warnings: string[]
  readonly log: string[]
}

/** A backup of one namespace with plug-ins. */
async function backUpWith(
  { modules }: Pick<PluginFolder, 'modules'>,
  namespace: string,
  { spec = {}, ...run }: Partial<BackupRun> & { spec?: BackupSpec } = {},
): Promise<Made> {
  const store = memoryStore()
  const log: string[] = []
  const backup = await backUp({
    kube,
    store,
    spec: { includedNamespaces: [namespace], ...spec },
    plugins: modules,
    onLog: ({ message }) => log.push(message),
    ...run,
  })
  return { backup, log, ...(await findingsOf(store)), ...(await readBackup(store)) }
}

function stored({ objects }: Made, namespace: string, name: string): KubeObject {
  const found = objects.get(`resources/configmaps/namespaces/${namespace}/${name}.json`)
  assert.ok(found, `${name} is not in the backup`)
  return found
}

suite('what plug-ins decide', () => {
  test('an item is stored as the actions leave it, one after the other, and the manifest agrees', async () => {
    await using shop = await testNamespace(kube)
    await make(kube, ConfigMaps, { namespace: shop.name, name: 'prices', data: { apple: '0.40' } })
    await using plugins = await pluginFolder({
      'a.mjs': actingOnMaps(`execute: (item, { backup }) =>
        ({ item: { ...item, data: { ...item.data, backup: backup.metadata.name, phase: backup.status.phase } } })`),
      'b.mjs': actingOnMaps(
        `execute: (item) => ({ item: { ...item, data: { ...item.data, keys: Object.keys(item.data).join() } } })`,
      ).replace('example.com/test', 'example.com/second'),
    })
    const made = await backUpWith(plugins, shop.name)
    assert.equal(made.backup.status?.phase, 'Completed')
    const data = { apple: '0.40', backup: 'nightly', phase: 'InProgress', keys: 'apple,backup,phase' }
    assert.deepEqual(stored(made, shop.name, 'prices')['data'], data)
    assert.deepEqual(made.verification.differences, [])
    assert.equal((await kube.get(ConfigMaps, 'prices', { namespace: shop.name }))['data'] !== undefined, true)
  })

  test('an item can be left out, in words or by Velero’s annotation', async () => {
    await using shop = await testNamespace(kube)
    for (const name of ['kept', 'skipped', 'annotated']) await make(kube, ConfigMaps, { namespace: shop.name, name })
    await using plugins = await pluginFolder({
      'a.mjs': actingOnMaps(`execute(item) {
        if (item.metadata.name === 'skipped') return { skip: true }
        const annotations = { 'velero.io/skip-from-backup': 'true' }
        if (item.metadata.name === 'annotated') return { item: { ...item, metadata: { ...item.metadata, annotations } } }
      }`),
    })
    const made = await backUpWith(plugins, shop.name)
    assert.equal(made.backup.status?.phase, 'Completed')
    assert.deepEqual(namesOf(made, 'configmaps'), [`${shop.name}/kept`, `${shop.name}/kube-root-ca.crt`])
    assert.equal(made.backup.status?.progress?.itemsBackedUp, made.objects.size)
  })

  test('additional items pass the filters, unless they must go in; nothing is in the backup twice', async () => {
    await using shop = await testNamespace(kube)
    await using other = await testNamespace(kube)
    const excluded = { labels: { 'velero.io/exclude-from-backup': 'true' } }
    await make(kube, ConfigMaps, { namespace: shop.name, name: 'asks' })
    await make(kube, ConfigMaps, { namespace: shop.name, name: 'demands' })
    await make(kube, Secrets, { namespace: shop.name, name: 'wanted' })
    await make(kube, Secrets, { namespace: shop.name, name: 'labelled-out', metadata: excluded })
    await make(kube, Secrets, { namespace: shop.name, name: 'must', metadata: excluded })
    await make(kube, Secrets, { namespace: other.name, name: 'elsewhere' })
    await make(kube, Secrets, { namespace: other.name, name: 'must-elsewhere' })
    await using plugins = await pluginFolder({
      'a.mjs': actingOnMaps(`execute(item) {
        say('executed', item.metadata.name)
        const [here, there] = ['${shop.name}', '${other.name}']
        const secret = (namespace, name) => ({ resource: 'secrets', namespace, name })
        const map = (name) => ({ resource: 'configmaps', namespace: here, name })
        const maps = ['asks', 'demands', 'kube-root-ca.crt'].map(map)
        if (item.metadata.name === 'asks') {
          return { additionalItems: [...maps, secret(here, 'wanted'), secret(here, 'labelled-out'), secret(there, 'elsewhere'),
            secret(here, 'missing'), { group: 'nonsense.io', resource: 'things', name: 'x' }] }
        }
        if (item.metadata.name !== 'demands') return
        const annotations = { 'backup.velero.io/must-include-additional-items': 'true' }
        return {
          item: { ...item, metadata: { ...item.metadata, annotations } },
          additionalItems: [...maps, secret(here, 'must'), secret(there, 'must-elsewhere'),
            { group: 'scheduling.k8s.io', resource: 'priorityclasses', name: 'system-node-critical' }],
        }
      }`),
    })
    for (const spec of [{}, { includedResources: ['configmaps', 'secrets'] }, { labelSelector: { matchLabels: {} } }]) {
      const made = await backUpWith(plugins, shop.name, { spec })
      assert.equal(made.backup.status?.phase, 'Completed')
      assert.deepEqual(
        namesOf(made, 'secrets'),
        [`${shop.name}/must`, `${shop.name}/wanted`, `${other.name}/must-elsewhere`].toSorted(),
      )
      assert.deepEqual(namesOf(made, PriorityClasses.plural + '.scheduling.k8s.io'), ['system-node-critical'])
      assert.deepEqual(stored(made, shop.name, 'demands').metadata.annotations, {})
      const missing = made.warnings.filter((text) => text.includes('does not exist'))
      assert.equal(missing.length, 2, made.warnings.join('\n'))
      assert.deepEqual(made.verification.differences, [])
      // One line for each object: an entry that came twice would be counted twice here.
      assert.equal(made.trailer.objects, made.objects.size)
    }
    const executed = (await plugins.said('executed')).trim().split('\n').toSorted()
    const each = ['asks', 'demands', 'kube-root-ca.crt'].flatMap((name) => [name, name, name])
    assert.deepEqual(executed, each)
  })

  test('an additional item that the plug-in has just made is read as it is now, and acted on too', async () => {
    await using shop = await testNamespace(kube)
    await make(kube, ConfigMaps, { namespace: shop.name, name: 'asks' })
    await using plugins = await pluginFolder({
      'a.mjs': actingOnMaps(`async execute(item) {
        say('executed', item.metadata.name)
        if (item.metadata.name !== 'asks') return
        await cue('made')
        return { additionalItems: [{ resource: 'configmaps', namespace: '${shop.name}', name: 'made' }] }
      }`),
    })
    const making = (async () => {
      while (!(await plugins.said('executed')).includes('asks')) await new Promise((resolve) => setTimeout(resolve, 10))
      await make(kube, ConfigMaps, { namespace: shop.name, name: 'made' })
      await plugins.cue('made')
    })()
    const made = await backUpWith(plugins, shop.name)
    await making
    assert.equal(made.backup.status?.phase, 'Completed')
    assert.deepEqual(made.warnings, [])
    assert.ok(stored(made, shop.name, 'made'))
    assert.match(await plugins.said('executed'), /^made$/m)
  })

  test('what a module prints is in the log; a module that nothing is for is not even started', async () => {
    await using shop = await testNamespace(kube)
    await using plugins = await pluginFolder({
      'talks.mjs': actingOnMaps(`execute: (item) => console.log('looked at', item.metadata.name)`),
      'silent.mjs': `console.log('started'); ${actingOnMaps('execute() {}').replace('/test', '/other').replace('configmaps', 'cronjobs')}`,
    })
    const made = await backUpWith(plugins, shop.name)
    assert.ok(made.log.includes('looked at kube-root-ca.crt'))
    assert.ok(!made.log.includes('started'))
  })
})

suite('a fault costs its item and nothing else', () => {
  async function survives(body: string, expected: RegExp, limits: Partial<PluginLimits> = {}): Promise<void> {
    await using shop = await testNamespace(kube)
    for (const name of ['a-good', 'bad', 'good']) await make(kube, ConfigMaps, { namespace: shop.name, name })
    await using plugins = await pluginFolder(
      {
        'a.mjs': actingOnMaps(`async execute(item) {
          if (item.metadata.name === 'bad') { ${body} }
          return { item: { ...item, data: { seen: 'yes' } } }
        }`),
      },
      limits,
    )
    const made = await backUpWith(plugins, shop.name)
    assert.equal(made.backup.status?.phase, 'PartiallyFailed')
    assert.equal(made.backup.status?.errors, 1)
    assert.match(made.errors.join('\n'), expected)
    assert.match(made.errors.join('\n'), / resource: \/configmaps name: \/bad /)
    for (const name of ['a-good', 'good']) assert.deepEqual(stored(made, shop.name, name)['data'], { seen: 'yes' })
    assert.ok(!namesOf(made, 'configmaps').includes(`${shop.name}/bad`))
    assert.deepEqual(made.verification.differences, [])
    assert.equal(made.backup.status?.progress?.itemsBackedUp, made.objects.size)
  }

  test('when the action throws', () => survives(`throw new Error('no idea')`, /example\.com\/test: no idea/))
  test('when it never answers', () => survives('await new Promise(() => {})', /within 3 s/, { callMillis: 3000 }))
  test('when it loops', () => survives('for (;;);', /within 3 s/, { callMillis: 3000 }))
  test('when it ends its thread', () => survives('process.exit(3)', /exit code 3/))
  test('when it takes all memory', () =>
    survives('const all = []; for (;;) all.push(new Array(1e5).fill(1.5))', /memory/, { heapMegabytes: 32 }))
  test('when it makes another object of it', () =>
    survives(`return { item: { ...item, kind: 'Secret' } }`, /changed kind/))

  test('and a module that fails all the time is given up: every item it was for is an error, the rest is stored', async () => {
    await using shop = await testNamespace(kube)
    for (const name of ['a', 'b', 'c']) await make(kube, ConfigMaps, { namespace: shop.name, name })
    await make(kube, Secrets, { namespace: shop.name, name: 'kept' })
    await using plugins = await pluginFolder(
      { 'a.mjs': actingOnMaps('execute: () => process.exit(1)') },
      { restarts: 1 },
    )
    const made = await backUpWith(plugins, shop.name)
    assert.equal(made.backup.status?.phase, 'PartiallyFailed')
    assert.equal(made.errors.length, 4)
    assert.match(made.errors.join('\n'), /not called any more, since a\.mjs had to be started 2 times/)
    assert.deepEqual(namesOf(made, 'secrets'), [`${shop.name}/kept`])
  })
})
