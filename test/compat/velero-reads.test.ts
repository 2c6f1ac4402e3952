// What real Velero makes of backups of ours that are unusual: bare, unfinished, empty, with a long name.
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { createGunzip, createGzip } from 'node:zlib'
import { extract, pack } from 'tar-stream'
import { Backups } from '#api/backup.ts'
import { labelValue } from '#api/labels.ts'
import type { KubeClient } from '#kube/client.ts'
import { backupKey } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import { serverNamespace as namespace } from '../../bench/installation.ts'
import { removeNamespace } from '../cluster/restore-order.ts'
import { backUp } from '../support/backup-run.ts'
import { ownCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make } from '../support/objects.ts'
import { comparableResults } from './recorded-restore.ts'
import { openPlaces, openSite, veleroTimeout } from './velero-site.ts'
import { decodeResults } from '#archive/results.ts'
import { restoreKey } from '#store/layout.ts'

const LONG = `long-${'n'.repeat(75)}`

/** Copies what a restore cannot do without to another name: the record, without its format, and the archive without its versioned half. */
async function copyBare(store: ObjectStore, from: string, to: string): Promise<void> {
  const record = JSON.parse(
    Buffer.concat(await Array.fromAsync(await store.get(backupKey(from, 'metadata')))).toString(),
  )
  record.metadata.name = to
  delete record.status.formatVersion
  await store.put(backupKey(to, 'metadata'), Buffer.from(JSON.stringify(record)))
  const bare = pack()
  const bytes = bare.pipe(createGzip())
  const stored = store.put(backupKey(to, 'contents'), bytes)
  const entries = Readable.from(await store.get(backupKey(from, 'contents')))
    .pipe(createGunzip())
    .pipe(extract())
  for await (const entry of entries) {
    const content = Buffer.concat((await Array.fromAsync(entry)) as Buffer[])
    if (!entry.header.name.includes('-preferredversion/')) bare.entry({ ...entry.header }, content)
  }
  bare.finalize()
  await stored
}

test(
  'Velero takes over and restores unusual backups of ours, and leaves what is no backup',
  { timeout: veleroTimeout },
  async (t) => {
    await using places = await openPlaces()
    await using cluster = await ownCluster()
    const { kube } = cluster
    const store = places.stores.lifeboat
    const [shop, quiet] = [(await testNamespace(kube)).name, (await testNamespace(kube)).name]
    await make(kube, ConfigMaps, { namespace: shop, name: 'prices', data: { apple: '1' } })
    await backUp({ kube, store, name: LONG, spec: { includedNamespaces: [shop] } })
    await backUp({ kube, store, name: 'empty', spec: { includedNamespaces: [quiet] } })
    await copyBare(store, LONG, 'bare')
    await store.put(backupKey('unfinished', 'contents'), Buffer.from('half an archive'))
    for (const name of [shop, quiet]) await removeNamespace(kube, name)
    await using site = await openSite(cluster, { places, maker: 'lifeboat', restarted: true, signal: t.signal })

    await t.test('a name of 80 characters: the labels of what comes back are those we would write', async () => {
      const { metadata, spec } = await site.knows(LONG)
      assert.equal(metadata.labels?.['velero.io/storage-location'], 'default')
      assert.equal(spec.storageLocation, 'default')
      await assertRestored(kube, { site, backup: LONG, namespace: shop })
      const { metadata: prices } = await kube.get(ConfigMaps, 'prices', { namespace: shop })
      assert.equal(prices.labels?.['velero.io/backup-name'], labelValue(LONG))
      await removeNamespace(kube, shop)
    })
    await t.test(
      'nothing but a record and an archive without versions: restored, and described with less',
      async () => {
        await site.knows('bare')
        await assertRestored(kube, { site, backup: 'bare', namespace: shop })
        const described = await site.velero('backup', 'describe', 'bare', '--details')
        assert.match(described, /^Phase: +Completed$/m)
        assert.match(described, /^Resource List: +<backup resource list not found>$/m)
      },
    )
    await t.test('a namespace with nothing of its own: restored without an error', async () => {
      await site.knows('empty')
      await assertRestored(kube, { site, backup: 'empty', namespace: quiet })
      const results = await decodeResults(await store.get(restoreKey('empty-back', 'results')))
      assert.deepEqual(comparableResults(results.warnings), [])
    })
    await t.test('a folder without its record is no backup', async () => {
      assert.equal(await kube.find(Backups, 'unfinished', { namespace }), undefined)
    })
  },
)

async function assertRestored(
  kube: KubeClient,
  {
    site,
    backup,
    namespace: target,
  }: { site: Awaited<ReturnType<typeof openSite>>; backup: string; namespace: string },
): Promise<void> {
  const { status } = await site.restore(`${backup.slice(0, 20)}-back`, backup)
  assert.deepEqual([status?.phase, status?.errors ?? 0], ['Completed', 0])
  const names = (await kube.list(ConfigMaps, { namespace: target })).items.map(({ metadata }) => metadata.name)
  assert.ok(names.includes('kube-root-ca.crt'))
  if (backup !== 'empty') assert.ok(names.includes('prices'))
}
