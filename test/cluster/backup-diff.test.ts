import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { openArchive } from '#archive/open.ts'
import type { KubeClient } from '#kube/client.ts'
import { parseJson } from '#kube/json.ts'
import { openBackup } from '#restore/backup-source.ts'
import { type ComparedBackup, compareBackups } from '#restore/compare-backups.ts'
import { compareLive } from '#restore/compare-live.ts'
import type { Comparison, ComparisonFilter } from '#restore/comparison.ts'
import { findObject } from '#store/find.ts'
import { backupKey } from '#store/layout.ts'
import { memoryStore } from '#store/memory.ts'
import type { ObjectStore } from '#store/store.ts'
import { backUp } from '../support/backup-run.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, Secrets, make } from '../support/objects.ts'

/** A stored backup, counting how often its archive is opened. */
function stored(store: ObjectStore, name: string, { manifest = true } = {}): ComparedBackup & { opened: number } {
  return {
    opened: 0,
    manifest: async () => (manifest ? await findObject(store, backupKey(name, 'manifest')) : undefined),
    async archive() {
      this.opened += 1
      return await openArchive(await store.get(backupKey(name, 'contents')), { spoolDir: tmpdir(), parse: parseJson })
    },
  }
}

/** One line for each difference, in name order. */
async function linesOf({ differences }: Comparison): Promise<string[]> {
  const all = await Array.fromAsync(differences)
  return all
    .map(
      ({ side, resource, name, changes }) =>
        `${side} ${resource}/${name}${changes.length > 0 ? ` ${changes.length}` : ''}`,
    )
    .toSorted()
}

/** Two backups of one namespace, between which something came, went and changed. */
async function pair(kube: KubeClient, namespace: string): Promise<ObjectStore> {
  const at = { namespace }
  const store = memoryStore()
  const spec = { includedNamespaces: [namespace] }
  for (const name of ['same', 'changed', 'gone', 'touched']) {
    await make(kube, ConfigMaps, { ...at, name, data: { a: '1' }, metadata: { labels: { name } } })
  }
  await backUp({ kube, store, spec, name: 'monday' })
  await kube.patch(ConfigMaps, 'changed', { merge: { data: { a: '2', b: '3' } } }, at)
  await kube.delete(ConfigMaps, 'gone', at)
  // Written again, so that its resourceVersion is another, and nothing else.
  await kube.patch(ConfigMaps, 'touched', { merge: { data: { a: '2' } } }, at)
  await kube.patch(ConfigMaps, 'touched', { merge: { data: { a: '1' } } }, at)
  await make(kube, Secrets, { ...at, name: 'new' })
  await backUp({ kube, store, spec, name: 'tuesday' })
  return store
}

test('two backups are compared object by object, with manifests or without them', async () => {
  const { kube } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  const store = await pair(kube, namespace.name)
  for (const [first, second] of [
    [true, true],
    [true, false],
    [false, false],
  ]) {
    const [left, right] = [
      stored(store, 'monday', { manifest: first! }),
      stored(store, 'tuesday', { manifest: second! }),
    ]
    const comparison = compareBackups(left, right, {})
    assert.deepEqual(await linesOf(comparison), [
      'both configmaps/changed 2',
      'left-only configmaps/gone',
      'right-only secrets/new',
    ])
    assert.equal(comparison.counts.compared - comparison.counts.equal, 3)
  }
})

test('what is the same by its hash is not looked into, and the archive is left alone', async () => {
  const { kube } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  const store = await pair(kube, namespace.name)
  const [left, right] = [stored(store, 'monday'), stored(store, 'monday')]
  const comparison = compareBackups(left, right, {})
  assert.deepEqual(await linesOf(comparison), [])
  assert.ok(comparison.counts.equal >= 6)
  assert.deepEqual([left.opened, right.opened], [0, 0])
})

test('filters say what is compared', async () => {
  const { kube } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  const store = await pair(kube, namespace.name)
  const filtered = async (filter: ComparisonFilter): Promise<string[]> =>
    await linesOf(compareBackups(stored(store, 'monday'), stored(store, 'tuesday'), filter))
  assert.deepEqual(await filtered({ resources: (resource) => resource === 'secrets' }), ['right-only secrets/new'])
  assert.deepEqual(await filtered({ selector: { matchLabels: { name: 'gone' } } }), ['left-only configmaps/gone'])
  assert.deepEqual(await filtered({ namespaces: ['other-*'] }), [])
  assert.equal((await filtered({ namespaces: ['test-*'] })).length, 3)
})

test('a backup is compared with what it would take of the cluster now', async () => {
  const { kube } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  await using other = await testNamespace(kube)
  const store = await pair(kube, namespace.name)
  await make(kube, ConfigMaps, { namespace: other.name, name: 'elsewhere' })
  await make(kube, ConfigMaps, {
    namespace: namespace.name,
    name: 'private',
    metadata: { labels: { 'velero.io/exclude-from-backup': 'true' } },
  })
  const live = async (name: string): Promise<string[]> => {
    await using source = await openBackup(name, { store })
    return await linesOf(compareLive({ source, kube }))
  }
  // Events and the like come and go by themselves.
  const calm = (lines: string[]): string[] => lines.filter((line) => !/ (events|leases)/.test(line))
  assert.deepEqual(calm(await live('tuesday')), [])
  assert.deepEqual(calm(await live('monday')), [
    'both configmaps/changed 2',
    'left-only configmaps/gone',
    'right-only secrets/new',
  ])
})
