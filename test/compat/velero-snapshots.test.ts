// Backups with CSI snapshots between real Velero and us, each way, with the storage side played (test/support/played-driver.ts); with a
// real driver, byte by byte, in test/node.
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { tmpdir } from 'node:os'
import { openArchive } from '#archive/open.ts'
import { decodeVolumeInfo } from '#archive/volume-info.ts'
import { deleteBackupSnapshots } from '#backup/delete.ts'
import { storedBackup } from '#backup/stored.ts'
import type { KubeClient } from '#kube/client.ts'
import { parseJson } from '#kube/json.ts'
import type { KubeObject } from '#kube/object.ts'
import { backupKey } from '#store/layout.ts'
import { VolumeSnapshotContents, VolumeSnapshots } from '#volumes/snapshot-types.ts'
import { bringBack, removeNamespace } from '../cluster/restore-order.ts'
import { backUp } from '../support/backup-run.ts'
import { testNamespace } from '../support/cluster.ts'
import { diskCluster, type DiskCluster } from '../support/disk-cluster.ts'
import { Claims, Namespaces } from '../support/objects.ts'
import { handleOf, makeDisk, type PlayedDriver, type PlayedGroups } from '../support/played-driver.ts'
import { defineGroups, makeGroupClass, playedGroups } from '../support/played-groups.ts'
import { eventually } from '../support/server.ts'
import { openPlaces, openSite, veleroTimeout, type Maker, type Places, type VeleroSite } from './velero-site.ts'

let cluster: DiskCluster
let kube: KubeClient
let played: PlayedDriver
let places: Places

before(async () => {
  const classLabels = { 'velero.io/csi-volumesnapshot-class': 'true' }
  const groups = async (on: KubeClient): Promise<PlayedGroups> => {
    // The version that Velero speaks.
    const types = await defineGroups(on, 'v1beta2')
    await makeGroupClass(on, types, { name: 'rack' })
    return playedGroups(types)
  }
  cluster = await diskCluster({ classLabels, groups })
  ;({ kube, played } = cluster)
  places = await openPlaces()
})

after(async () => {
  await places?.[Symbol.asyncDispose]()
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
    await eventually(async () => played.snapshots.size === 0 || undefined)
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

  test('a volume group is stored alike by both, and each brings back the one of the other', async ({ signal }) => {
    const { name: shop } = await testNamespace(kube)
    const disks = ['log', 'tables']
    for (const disk of disks) {
      played.volumes.set(await makeDisk(kube, shop, disk), `data of ${disk}`)
      const merge = { metadata: { labels: { 'velero.io/volume-group': 'db' } } }
      await kube.patch(Claims, disk, { merge }, { namespace: shop })
    }
    await withVelero('velero', signal, async (site) => {
      await site.backUp('grouped', ['--include-namespaces', shop])
      const { status } = await site.ended('grouped')
      assert.equal(status?.phase, 'Completed', JSON.stringify(status))
    })
    const spec = { includedNamespaces: [shop], storageLocation: 'default' }
    const ours = await backUp({ kube, store: places.stores.lifeboat, name: 'grouped', spec })
    assert.equal(ours.status?.phase, 'Completed')
    assert.equal(played.groups.size, 2)
    assert.deepEqual(await groupedIn('lifeboat'), await groupedIn('velero'))

    const copy = `${shop}-copy`
    const store = places.stores.velero
    const asked = { backupName: 'grouped', namespaceMapping: { [shop]: copy } }
    const { restore, results } = await bringBack({ kube, store, name: copy, spec: asked })
    assert.equal(restore.status?.phase, 'Completed', JSON.stringify(results))
    await areBack(copy)
    const theirs = await storedBackup(store, 'grouped')
    assert.ok(theirs !== undefined)
    const options = { cluster: () => Promise.resolve(kube), writer: { now: new Date() } }
    const end = await deleteBackupSnapshots(store, theirs, options)
    assert.deepEqual(end, { deleted: 2, problems: [], unreachable: [] })

    await withVelero('lifeboat', signal, async (site) => {
      await site.knows('grouped')
      await site.restore('regrouped', 'grouped', ['--namespace-mappings', `${shop}:${shop}-again`])
      await eventually(async () => (await kube.find(Namespaces, `${shop}-again`)) && true)
      await areBack(`${shop}-again`)
    })
    await kube.delete(Namespaces, shop)

    async function areBack(namespace: string): Promise<void> {
      for (const disk of disks)
        assert.equal(played.volumes.get(await handleOf(kube, namespace, disk)), `data of ${disk}`)
      await kube.delete(Namespaces, namespace)
    }
  })

  /** What is stored of the members of groups, without what differs from one to the other. */
  async function groupedIn(maker: Maker): Promise<unknown> {
    const bytes = await places.stores[maker].get(backupKey('grouped', 'contents'))
    await using archive = await openArchive(bytes, { spoolDir: tmpdir(), parse: parseJson })
    const objects = await Promise.all([...archive.entries()].map((entry) => archive.read(entry)))
    return objects
      .filter(({ kind }) => kind === 'VolumeSnapshot' || kind === 'VolumeSnapshotContent')
      .map(({ kind, metadata, ...rest }) => ({
        kind,
        // Ours is of no Backup in a cluster, which would have a uid.
        labels: Object.keys(metadata.labels ?? {})
          .filter((key) => key !== 'velero.io/backup-uid')
          .toSorted(),
        annotations: Object.keys(metadata.annotations ?? {})
          .filter((key) => !key.startsWith('lifeboat.dev/'))
          .toSorted(),
        owned: metadata.ownerReferences !== undefined,
        spec: Object.keys(rest['spec'] as object).toSorted(),
      }))
      .toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  }

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
