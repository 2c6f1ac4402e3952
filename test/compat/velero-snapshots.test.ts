// Backups with CSI snapshots between real Velero and us, each way, with the storage side played (test/support/played-driver.ts); with a
// real driver, byte by byte, in test/node.
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { decodeVolumeInfo } from '#archive/volume-info.ts'
import { deleteBackupSnapshots } from '#backup/delete.ts'
import { storedBackup } from '#backup/stored.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { backupKey } from '#store/layout.ts'
import { VolumeSnapshotContents, VolumeSnapshots } from '#volumes/snapshot-types.ts'
import { bringBack, removeNamespace } from '../cluster/restore-order.ts'
import { backUp } from '../support/backup-run.ts'
import { ownCluster, testNamespace } from '../support/cluster.ts'
import { Namespaces } from '../support/objects.ts'
import {
  defineSnapshots,
  handleOf,
  makeClass,
  makeDisk,
  playDriver,
  type PlayedDriver,
} from '../support/played-driver.ts'
import { eventually } from '../support/server.ts'
import { openPlaces, openSite, veleroTimeout, type Maker, type Places, type VeleroSite } from './velero-site.ts'

let cluster: Awaited<ReturnType<typeof ownCluster>>
let kube: KubeClient
let played: PlayedDriver
let places: Places

before(async () => {
  cluster = await ownCluster()
  kube = cluster.kube
  await defineSnapshots(kube)
  await makeClass(kube, 'disk', { 'velero.io/csi-volumesnapshot-class': 'true' })
  played = playDriver(kube)
  places = await openPlaces()
})

after(async () => {
  await places?.[Symbol.asyncDispose]()
  await played?.[Symbol.asyncDispose]()
  await cluster?.[Symbol.asyncDispose]()
})

async function withVelero<T>(maker: Maker, signal: AbortSignal, work: (site: VeleroSite) => Promise<T>): Promise<T> {
  await using site = await openSite(cluster, { places, maker, restarted: true, features: ['EnableCSI'], signal })
  return await work(site)
}

/** A namespace with one disk that has its own name on it. */
async function shopWithDisk(): Promise<string> {
  const { name } = await testNamespace(kube)
  played.volumes.set(await makeDisk(kube, name, 'data'), `data of ${name}`)
  return name
}

async function isBack(namespace: string, from: string): Promise<void> {
  assert.equal(played.volumes.get(await handleOf(kube, namespace, 'data')), `data of ${from}`)
  await kube.delete(Namespaces, namespace)
}

suite('CSI snapshots between Velero and Lifeboat', { concurrency: false, timeout: veleroTimeout }, () => {
  test('what Velero backs up comes back with us, and we delete its snapshot', async ({ signal }) => {
    const shop = await shopWithDisk()
    await withVelero('velero', signal, async (site) => {
      const backup = await site.backUp('nightly', ['--include-namespaces', shop])
      assert.equal((await site.ended('nightly')).status?.phase, 'Completed', JSON.stringify(backup.status))
    })
    await removeNamespace(kube, shop)
    const store = places.stores.velero
    const { restore } = await bringBack({ kube, store, spec: { namespaceMapping: { [shop]: `${shop}-copy` } } })
    assert.equal(restore.status?.phase, 'Completed')
    await isBack(`${shop}-copy`, shop)
    const backup = await storedBackup(store, 'nightly')
    assert.ok(backup !== undefined)
    const end = await deleteBackupSnapshots(store, backup, {
      cluster: () => Promise.resolve(kube),
      writer: { now: new Date() },
    })
    assert.deepEqual(end, { deleted: 1, problems: [], unreachable: [] })
    assert.equal(played.snapshots.size, 0)
  })

  test('what we back up Velero finds, describes, restores and deletes, with its snapshot', async ({ signal }) => {
    const shop = await shopWithDisk()
    const store = places.stores.lifeboat
    const backup = await backUp({ kube, store, spec: { includedNamespaces: [shop], storageLocation: 'default' } })
    assert.equal(backup.status?.phase, 'Completed')
    await removeNamespace(kube, shop)
    await withVelero('lifeboat', signal, async (site) => {
      await site.knows('nightly')
      const said = await site.velero('backup', 'describe', 'nightly', '--details')
      assert.match(said, new RegExp(`${shop}/data:\\n\\s+Snapshot:\\n\\s+Operation ID: ${shop}/velero-data-`))
      const restore = await site.restore('back', 'nightly', ['--namespace-mappings', `${shop}:${shop}-copy`])
      await eventually(async () => (await kube.find(Namespaces, `${shop}-copy`)) && true)
      assert.equal(restore.status?.errors ?? 0, 0, await site.velero('restore', 'describe', 'back'))
      await isBack(`${shop}-copy`, shop)
      await site.velero('backup', 'delete', 'nightly', '--confirm')
      await eventually(async () => (await store.head(backupKey('nightly', 'metadata'))) === undefined || undefined, 120)
    })
    assert.equal(played.snapshots.size, 0)
  })

  test('both leave the same in the archive and in the volume info, and nothing of theirs in the cluster', async ({
    signal,
  }) => {
    const shop = await shopWithDisk()
    await withVelero('velero', signal, async (site) => {
      await site.backUp('beside', ['--include-namespaces', shop])
      await site.ended('beside')
    })
    await backUp({ kube, store: places.stores.lifeboat, name: 'beside', spec: { includedNamespaces: [shop] } })
    const [theirs, ours] = await Promise.all([infoOf('velero'), infoOf('lifeboat')])
    assert.deepEqual(ours, theirs)
    await eventually(async () => (await leftByBackups()).length === 0 || undefined)
    await kube.delete(Namespaces, shop)
  })

  /** What is there of snapshots besides those of restores. What is being deleted goes in the driver's next round. */
  async function leftByBackups(): Promise<KubeObject[]> {
    const lists = await Promise.all([kube.list(VolumeSnapshots, {}), kube.list(VolumeSnapshotContents, {})])
    const all = lists.flatMap(({ items }): KubeObject[] => items)
    return all.filter(({ metadata }) => metadata.labels?.['velero.io/restore-name'] === undefined)
  }

  /** Without what differs from snapshot to snapshot. */
  async function infoOf(maker: Maker): Promise<unknown> {
    const [info] = await decodeVolumeInfo(await places.stores[maker].get(backupKey('beside', 'volume-info')))
    const {
      startTimestamp: _start,
      completionTimestamp: _end,
      csiSnapshotInfo,
      ...rest
    } = info as Record<string, unknown>
    const {
      snapshotHandle: _handle,
      vscName: _name,
      operationID: _id,
      ...same
    } = csiSnapshotInfo as Record<string, unknown>
    return { ...rest, csiSnapshotInfo: same }
  }
})
