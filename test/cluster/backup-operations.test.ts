// Asynchronous operations of plug-ins: the backup waits for them and stores what they leave.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { Backup } from '#api/backup.ts'
import { decodeBackupOperations, type BackupOperation } from '#archive/item-operations.ts'
import { openManifest } from '#archive/manifest.ts'
import type { OperationStanding } from '#backup/operations.ts'
import type { BackupRun } from '#backup/run.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { backupKey } from '#store/layout.ts'
import { memoryStore } from '#store/memory.ts'
import { backUp, readBackup, type StoredContents } from '../support/backup-run.ts'
import { findingsOf } from '../support/backup-results.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make } from '../support/objects.ts'
import { actingOnMaps, pluginFolder, type PluginFolder } from '../support/plugins.ts'

let kube: KubeClient
before(async () => {
  ;({ kube } = await sharedCluster())
})

interface Made extends StoredContents {
  readonly backup: Backup
  readonly errors: string[]
  readonly operations: BackupOperation[]
  /** Paths of what was read after the cut. */
  readonly later: string[]
  readonly standings: OperationStanding[]
}

/** A backup of one namespace; `whileWaiting` is called once, when it first waits for operations. */
async function backUpWith(
  { modules }: Pick<PluginFolder, 'modules'>,
  namespace: string,
  { whileWaiting, ...run }: Partial<BackupRun> & { whileWaiting?: () => Promise<void> } = {},
): Promise<Made> {
  const store = memoryStore()
  const standings: OperationStanding[] = []
  const backup = await backUp({
    kube,
    store,
    spec: { includedNamespaces: [namespace] },
    plugins: modules,
    operationPollMillis: 20,
    async onOperations(standing) {
      standings.push(standing)
      if (standings.length === 1) await whileWaiting?.()
    },
    ...run,
  })
  const manifest = await openManifest(await store.get(backupKey('nightly', 'manifest')))
  const entries = await Array.fromAsync(manifest.entries)
  return {
    backup,
    standings,
    operations: await decodeBackupOperations(await store.get(backupKey('nightly', 'item-operations'))),
    later: entries.filter(({ later }) => later === true).map(({ path }) => path),
    ...(await findingsOf(store)),
    ...(await readBackup(store)),
  }
}

const pathOf = (namespace: string, name: string): string => `resources/configmaps/namespaces/${namespace}/${name}.json`

function stored({ objects }: Made, namespace: string, name: string): KubeObject {
  const found = objects.get(pathOf(namespace, name))
  assert.ok(found, `${name} is not in the backup`)
  return found
}

/** An action that starts an operation for the ConfigMap `starts` and names `after` to be read once more. */
function operating(after: readonly string[], rest: string): string {
  return actingOnMaps(`
    execute(item, { backup }) {
      const { name, namespace } = item.metadata
      say('executed', name + ' ' + backup.status.phase)
      if (name !== 'starts' || backup.status.phase.startsWith('Finalizing')) return
      const postOperationItems = ${JSON.stringify(after)}.map((name) => ({ resource: 'configmaps', namespace, name }))
      return { operation: { id: 'op-' + backup.metadata.name, postOperationItems } }
    },
    ${rest}`)
}

test('objects are stored as they are after the operation, also those that came by before, are new, or are gone by then', async () => {
  await using shop = await testNamespace(kube)
  const namespace = shop.name
  const names = ['a-first', 'held', 'keeps', 'starts', 'vanishes', 'z-held']
  for (const name of names) await make(kube, ConfigMaps, { namespace, name, data: { at: 'cut' } })
  const after = ['a-first', 'starts', 'z-held', 'vanishes', 'brand-new', 'never-there']
  await using plugins = await pluginFolder({
    'a.mjs': operating(
      after,
      `
      progress: () => ({ completed: there('done'), nCompleted: 1, nTotal: 2, units: 'Bytes', description: 'copying',
        started: '2026-01-01T00:00:00.123Z', updated: '2026-01-01T00:00:01Z' }),
    `,
    ),
  })
  const made = await backUpWith(plugins, namespace, {
    async whileWaiting() {
      for (const name of ['a-first', 'starts', 'z-held', 'keeps']) {
        await kube.patch(ConfigMaps, name, { merge: { data: { at: 'end' } } }, { namespace })
      }
      await kube.delete(ConfigMaps, 'vanishes', { namespace })
      await make(kube, ConfigMaps, { namespace, name: 'brand-new', data: { at: 'end' } })
      await plugins.cue('done')
    },
  })
  const { status } = made.backup
  assert.equal(status?.phase, 'Completed', made.errors.join('\n'))
  assert.deepEqual(
    [status?.backupItemOperationsAttempted, status?.backupItemOperationsCompleted, status?.backupItemOperationsFailed],
    [1, 1, undefined],
  )
  const at = Object.fromEntries(
    [...names, 'brand-new'].map((name) => [name, (stored(made, namespace, name)['data'] as { at: string }).at]),
  )
  assert.deepEqual(at, {
    'a-first': 'end',
    'brand-new': 'end',
    held: 'cut',
    keeps: 'cut',
    starts: 'end',
    vanishes: 'cut',
    'z-held': 'end',
  })
  assert.equal(made.objects.has(pathOf(namespace, 'never-there')), false)
  assert.deepEqual(made.verification.differences, [])
  assert.equal(status?.progress?.itemsBackedUp, made.objects.size)
  const expected = ['a-first', 'starts', 'z-held', 'brand-new'].map((name) => pathOf(namespace, name))
  assert.deepEqual(made.later.toSorted(), expected.toSorted())
  // Only what had come by before anybody knew is in the archive twice.
  assert.equal(made.trailer.objects, made.objects.size + 1)
  const phases = made.standings.map(({ phase }) => phase)
  assert.equal(phases[0], 'WaitingForPluginOperations')
  assert.equal(phases.at(-1), 'Finalizing')
  const executed = (await plugins.said('executed')).trim().split('\n')
  assert.deepEqual(
    executed.filter((line) => line.startsWith('starts ')),
    ['starts InProgress', 'starts Finalizing'],
  )
  const [operation, ...more] = made.operations
  assert.deepEqual(more, [])
  assert.deepEqual(operation?.spec, {
    backupName: 'nightly',
    backupUID: '',
    backupItemAction: 'example.com/test',
    resourceIdentifier: { Group: '', Resource: 'configmaps', Namespace: namespace, Name: 'starts' },
    operationID: 'op-nightly',
    postOperationItems: after.map((name) => ({ Group: '', Resource: 'configmaps', Namespace: namespace, Name: name })),
  })
  const { created, ...progress } = operation!.status
  assert.match(created ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  assert.deepEqual(progress, {
    phase: 'Completed',
    nCompleted: 1,
    nTotal: 2,
    operationUnits: 'Bytes',
    description: 'copying',
    started: '2026-01-01T00:00:00Z',
    updated: '2026-01-01T00:00:01Z',
  })
})

test('an operation that fails makes the backup PartiallyFailed; its items are stored all the same', async () => {
  await using shop = await testNamespace(kube)
  await make(kube, ConfigMaps, { namespace: shop.name, name: 'starts' })
  await using plugins = await pluginFolder({
    'a.mjs': operating(['starts'], `progress: () => ({ completed: true, error: 'disk full' })`),
  })
  const made = await backUpWith(plugins, shop.name)
  const { status } = made.backup
  assert.equal(status?.phase, 'PartiallyFailed')
  assert.deepEqual([status?.errors, status?.backupItemOperationsFailed], [1, 1])
  assert.match(made.errors.join(), /name: \/starts .*operation.* error: \/disk full/)
  assert.deepEqual(
    made.standings.map(({ phase }) => phase),
    ['FinalizingPartiallyFailed'],
  )
  assert.equal(made.operations[0]?.status.error, 'disk full')
  assert.ok(stored(made, shop.name, 'starts'))
})

test('an operation that takes longer than itemOperationTimeout is cancelled and has failed', async () => {
  await using shop = await testNamespace(kube)
  await make(kube, ConfigMaps, { namespace: shop.name, name: 'starts' })
  await using plugins = await pluginFolder({
    'a.mjs': operating([], `progress: () => ({ completed: false }), cancel: (id) => say('cancelled', id)`),
  })
  const spec = { includedNamespaces: [shop.name], itemOperationTimeout: '1s' }
  const store = memoryStore()
  const backup = await backUp({ kube, store, spec, plugins: plugins.modules, operationPollMillis: 20 })
  assert.equal(backup.status?.phase, 'PartiallyFailed')
  assert.equal(backup.status?.backupItemOperationsFailed, 1)
  assert.equal(await plugins.said('cancelled'), 'op-nightly\n')
  const [operation] = await decodeBackupOperations(await store.get(backupKey('nightly', 'item-operations')))
  assert.deepEqual(operation?.status.error, 'Asynchronous action timed out')
  assert.equal(operation?.status.phase, 'Failed')
  assert.equal(operation?.spec.postOperationItems, null)
})

test('an action that fails, skips or starts something after the operations leaves the item as it was', async () => {
  await using shop = await testNamespace(kube)
  for (const name of ['starts', 'throws', 'skips', 'starts-again'])
    await make(kube, ConfigMaps, { namespace: shop.name, name })
  await using plugins = await pluginFolder({
    'a.mjs': actingOnMaps(`
      execute(item, { backup }) {
        const { name, namespace } = item.metadata
        if (backup.status.phase === 'Finalizing') {
          if (name === 'throws') throw new Error('too late')
          if (name === 'skips') return { skip: true }
          if (name === 'starts-again') return { operation: { id: 'another' } }
        }
        const postOperationItems = ['throws', 'skips', 'starts-again'].map((name) => ({ resource: 'configmaps', namespace, name }))
        if (name === 'starts') return { operation: { id: 'op', postOperationItems } }
      },
      progress: () => ({ completed: true })`),
  })
  const made = await backUpWith(plugins, shop.name)
  assert.equal(made.backup.status?.errors, 2)
  assert.match(made.errors.join('\n'), /name: \/throws .*too late/)
  assert.match(made.errors.join('\n'), /name: \/starts-again .*must not start operations/)
  for (const name of ['throws', 'skips', 'starts-again']) assert.ok(stored(made, shop.name, name))
  assert.equal(made.operations.length, 1)
})

test('a backup that is stopped while it waits leaves nothing in the store, and does not cancel: the next attempt may find the work done', async () => {
  await using shop = await testNamespace(kube)
  await make(kube, ConfigMaps, { namespace: shop.name, name: 'starts' })
  await using plugins = await pluginFolder({
    'a.mjs': operating(
      ['starts'],
      `progress: () => ({ completed: there('done') }), cancel: (id) => say('cancelled', id)`,
    ),
  })
  const store = memoryStore()
  const spec = { includedNamespaces: [shop.name] }
  const stop = new AbortController()
  const order = { kube, store, spec, plugins: plugins.modules, operationPollMillis: 20 }
  await assert.rejects(backUp({ ...order, signal: stop.signal, onOperations: () => stop.abort() }), {
    problem: 'aborted',
  })
  assert.deepEqual(await Array.fromAsync(store.list('')), [])
  assert.equal(await plugins.said('cancelled'), '')
  await plugins.cue('done')
  assert.equal((await backUp(order)).status?.phase, 'Completed')
})
