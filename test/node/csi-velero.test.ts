// Backups with CSI snapshots of a real driver between real Velero and us, each way, byte by byte.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { deleteBackupSnapshots } from '#backup/delete.ts'
import { storedBackup } from '#backup/stored.ts'
import { backupKey } from '#store/layout.ts'
import { bringBack, removeNamespace } from '../cluster/restore-order.ts'
import { openPlaces, openSite, veleroTimeout } from '../compat/velero-site.ts'
import { backUp } from '../support/backup-run.ts'
import { nodeSandbox } from '../support/node-sandbox.ts'
import { Namespaces } from '../support/objects.ts'
import { eventually } from '../support/server.ts'
import { assertSame, disksAreGone, openDiskShop, snapshotsOf, sumsIn } from './disk-shop.ts'

suite(
  'volumes between Velero and Lifeboat on a real node',
  { concurrency: false, timeout: veleroTimeout },
  async () => {
    const cluster = await nodeSandbox()
    const { kube } = cluster
    const cleared = { cluster: () => Promise.resolve(kube), writer: { now: new Date() } }

    test('what Velero backs up comes back with us byte by byte, and we delete its snapshots', async ({ signal }) => {
      await using places = await openPlaces()
      await using shop = await openDiskShop(cluster, ['data'])
      const { namespace } = shop
      {
        const maker = 'velero'
        await using site = await openSite(cluster, { places, maker, restarted: true, features: ['EnableCSI'], signal })
        await site.backUp('nightly', ['--include-namespaces', namespace])
        assert.equal((await site.ended('nightly')).status?.phase, 'Completed')
      }
      await removeNamespace(kube, 'velero')
      await removeNamespace(kube, namespace)
      await disksAreGone(cluster, shop)
      const store = places.stores.velero
      const { restore, results } = await bringBack({ kube, store, name: namespace })
      assert.equal(restore.status?.phase, 'Completed', JSON.stringify(results))
      assertSame(await sumsIn(cluster, namespace), shop)
      const backup = await storedBackup(store, 'nightly')
      assert.ok(backup !== undefined)
      assert.deepEqual(await deleteBackupSnapshots(store, backup, cleared), {
        deleted: 1,
        problems: [],
        unreachable: [],
      })
      assert.deepEqual(await snapshotsOf(cluster, shop), [])
    })

    test('what we back up comes back with Velero byte by byte, and it deletes our snapshots', async ({ signal }) => {
      await using places = await openPlaces()
      await using shop = await openDiskShop(cluster, ['data'])
      const { namespace } = shop
      const store = places.stores.lifeboat
      const backup = await backUp({
        kube,
        store,
        spec: { includedNamespaces: [namespace], storageLocation: 'default' },
      })
      assert.equal(backup.status?.phase, 'Completed')
      await removeNamespace(kube, namespace)
      await disksAreGone(cluster, shop)
      const maker = 'lifeboat'
      await using site = await openSite(cluster, { places, maker, restarted: true, features: ['EnableCSI'], signal })
      await site.knows('nightly')
      const restored = await site.restore('back', 'nightly')
      assert.equal(restored.status?.errors ?? 0, 0, await site.velero('restore', 'describe', 'back'))
      assertSame(await sumsIn(cluster, namespace), shop)
      await site.velero('backup', 'delete', 'nightly', '--confirm')
      await eventually(async () => (await store.head(backupKey('nightly', 'metadata'))) === undefined || undefined, 120)
      await eventually(async () => (await snapshotsOf(cluster, shop)).length === 0 || undefined, 60)
      await kube.delete(Namespaces, 'velero')
    })
  },
)
