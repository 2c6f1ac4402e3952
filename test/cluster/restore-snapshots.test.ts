// Volumes brought back from CSI snapshots, with the storage side played (test/support/played-driver.ts); with a real driver in test/node.
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { deleteBackupSnapshots } from '#backup/delete.ts'
import { storedBackup } from '#backup/stored.ts'
import type { RestoreSpec } from '#api/restore.ts'
import { decodeVolumeInfo } from '#archive/volume-info.ts'
import type { KubeClient } from '#kube/client.ts'
import { resourceName } from '#kube/object.ts'
import { backupKey, restoreKey } from '#store/layout.ts'
import { memoryStore } from '#store/memory.ts'
import type { ObjectStore } from '#store/store.ts'
import { VolumeSnapshotClasses, VolumeSnapshotContents, VolumeSnapshots } from '#volumes/snapshot-types.ts'
import { backUp, readBackup } from '../support/backup-run.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { diskCluster, type DiskCluster } from '../support/disk-cluster.ts'
import { Claims, ConfigMaps, make, Namespaces, StorageClasses, Volumes } from '../support/objects.ts'
import { handleOf, makeClass, makeDisk, type PlayedDriver } from '../support/played-driver.ts'
import { bringBack, eventually, removeNamespace, type RestoreEnd } from './restore-order.ts'

let cluster: DiskCluster
let kube: KubeClient
let played: PlayedDriver

before(async () => {
  cluster = await diskCluster()
  ;({ kube, played } = cluster)
})

after(() => cluster?.[Symbol.asyncDispose]())

interface Stored {
  readonly name: string
  readonly store: ObjectStore
}

/** A namespace with these disks, each with its own name on it, backed up. */
async function storedShop(disks: string[]): Promise<Stored> {
  const { name } = await testNamespace(kube)
  for (const disk of disks) {
    const handle = await makeDisk(kube, name, disk)
    played.volumes.set(handle, `data of ${disk}`)
    const volume = `pvc-${handle.slice('vol-'.length)}`
    const change = { metadata: { labels: { tier: 'gold' } }, spec: { persistentVolumeReclaimPolicy: 'Retain' } }
    await kube.patch(Volumes, volume, { merge: change })
  }
  const store = memoryStore()
  const backup = await backUp({ kube, store, spec: { includedNamespaces: [name] } })
  assert.equal(backup.status?.phase, 'Completed')
  return { name, store }
}

/** Restores under another name, since it takes long until a namespace is gone. */
async function restored(
  { store, name: from }: Stored,
  to: string,
  { patience = 60_000, ...spec }: RestoreSpec & { patience?: number } = {},
): Promise<RestoreEnd> {
  const asked = { namespaceMapping: { [from]: to }, ...spec }
  return await bringBack({ kube, store, spec: asked, name: to, patience: { volumes: patience } })
}

function errorsIn({ results }: RestoreEnd): string[] {
  const { velero = [], cluster: ofCluster = [], namespaces = {} } = results.errors
  return [...velero, ...ofCluster, ...Object.values(namespaces).flat()]
}

suite('a restore of CSI volumes', { concurrency: false }, () => {
  test('brings the data back under the same name and under another one, with labels and reclaim policy of the volume', async () => {
    const shop = await storedShop(['data'])
    const copy = `${shop.name}-copy`
    const end = await restored(shop, copy)
    assert.deepEqual(errorsIn(end), [])
    const handle = await handleOf(kube, copy, 'data')
    assert.equal(played.volumes.get(handle), 'data of data')
    const volume = await kube.get(Volumes, `pvc-${handle.slice('vol-'.length)}`)
    assert.deepEqual(volume.metadata.labels, { tier: 'gold' })
    assert.equal((volume['spec'] as { persistentVolumeReclaimPolicy: string }).persistentVolumeReclaimPolicy, 'Retain')
    const [info] = await decodeVolumeInfo(await shop.store.get(restoreKey(copy, 'volume-info')))
    assert.deepEqual([info?.pvcNamespace, info?.pvcName, info?.['restoreMethod']], [copy, 'data', 'CSISnapshot'])

    await removeNamespace(kube, shop.name)
    assert.deepEqual(errorsIn(await restored(shop, shop.name)), [])
    assert.equal(played.volumes.get(await handleOf(kube, shop.name, 'data')), 'data of data')
  })

  test('never deletes the snapshot with what it made of it', async () => {
    const shop = await storedShop(['data'])
    await restored(shop, `${shop.name}-once`)
    const { items } = await kube.list(VolumeSnapshots, { namespace: `${shop.name}-once` })
    for (const { metadata } of items) {
      await kube.delete(VolumeSnapshots, metadata.name, { namespace: metadata.namespace })
      await kube.delete(VolumeSnapshotContents, metadata.name)
      await eventually(
        async () => (await kube.find(VolumeSnapshotContents, metadata.name)) === undefined,
        'content gone',
      )
    }
    assert.equal(items.length, 1)
    await restored(shop, `${shop.name}-again`)
    assert.equal(played.volumes.get(await handleOf(kube, `${shop.name}-again`, 'data')), 'data of data')
  })

  test('makes snapshots that a later backup of the same name in the same store leaves alone', async () => {
    const shop = await storedShop(['data'])
    const copy = `${shop.name}-copy`
    await restored(shop, copy)
    const names = async (): Promise<string[]> =>
      (await kube.list(VolumeSnapshots, { namespace: copy })).items.map(({ metadata }) => metadata.name)
    const before = await names()
    await storedShop(['other'])
    assert.equal(before.length, 1)
    assert.deepEqual(await names(), before)
  })

  test('of one claim leaves the snapshots of the others alone', async () => {
    const shop = await storedShop(['one', 'two'])
    const copy = `${shop.name}-copy`
    const matchLabels = await labelsOf(shop, 'one')
    await restored(shop, copy, { includedResources: ['persistentvolumeclaims'], labelSelector: { matchLabels } })
    assert.equal(played.volumes.get(await handleOf(kube, copy, 'one')), 'data of one')
    const labelSelector = `velero.io/restore-name=${copy}`
    assert.equal((await kube.list(VolumeSnapshotContents, { labelSelector })).items.length, 1)
    assert.equal(await kube.find(Claims, 'two', { namespace: copy }), undefined)
  })

  test('without restorePVs brings claims back empty and nothing of snapshots', async () => {
    const shop = await storedShop(['data'])
    const copy = `${shop.name}-copy`
    assert.deepEqual(errorsIn(await restored(shop, copy, { restorePVs: false })), [])
    assert.equal(played.volumes.get(await handleOf(kube, copy, 'data')), '')
    assert.equal((await kube.list(VolumeSnapshots, { namespace: copy })).items.length, 0)
  })

  test('says of each volume why it cannot come back: the snapshot is gone, the StorageClass is missing or of another driver', async () => {
    const shop = await storedShop(['data'])
    const whole = new Map(played.snapshots)
    played.snapshots.clear()
    const gone = await restored(shop, `${shop.name}-gone`)
    assert.equal(gone.restore.status?.phase, 'PartiallyFailed')
    assert.match(errorsIn(gone).join('\n'), /have not come back: its snapshot cannot be used: no snapshot snap-of-data/)
    for (const [handle, data] of whole) played.snapshots.set(handle, data)

    const { metadata: _, ...rest } = await kube.get(StorageClasses, 'disk')
    const metadata = { name: 'disk' }
    await kube.delete(StorageClasses, 'disk')
    const missing = await restored(shop, `${shop.name}-missing`, { patience: 6_000 })
    assert.match(errorsIn(missing).join('\n'), /its StorageClass disk does not exist/)
    await kube.create(StorageClasses, { ...rest, metadata, provisioner: 'other.lifeboat.test' })
    const foreign = await restored(shop, `${shop.name}-foreign`, { patience: 6_000 })
    assert.match(errorsIn(foreign).join('\n'), /its StorageClass disk makes volumes of other\.lifeboat\.test/)
    await kube.delete(StorageClasses, 'disk')
    await kube.create(StorageClasses, { ...rest, metadata })
  })
})

suite('a restore of CSI volumes into a cluster without their driver', { concurrency: false }, () => {
  test('says so of each volume, and brings the rest back', async () => {
    const shop = await storedShop(['data'])
    await make(kube, ConfigMaps, { namespace: shop.name, name: 'prices' })
    const backup = await backUp({ kube, store: shop.store, name: 'later', spec: { includedNamespaces: [shop.name] } })
    assert.equal(backup.status?.phase, 'Completed')
    const copy = `${shop.name}-copy`
    await kube.delete(VolumeSnapshotClasses, 'disk')
    const excludedResources = [resourceName(VolumeSnapshotClasses)]
    const end = await restored(shop, copy, { backupName: 'later', excludedResources, patience: 4_000 })
    await makeClass(kube, 'disk')
    assert.equal(end.restore.status?.phase, 'PartiallyFailed')
    assert.match(
      errorsIn(end).join('\n'),
      /its snapshot is of CSI driver disk\.lifeboat\.test, which is not in this cluster/,
    )
    assert.ok((await kube.find(ConfigMaps, 'prices', { namespace: copy })) !== undefined)
    assert.ok((await kube.find(Claims, 'data', { namespace: copy })) !== undefined)
  })

  test('or without CSI snapshots leaves the claims out, since nobody could fill them', async () => {
    const shop = await storedShop(['data'])
    const { kube: elsewhere } = await sharedCluster()
    const copy = `${shop.name}-copy`
    const spec = { namespaceMapping: { [shop.name]: copy } }
    const end = await bringBack({ kube: elsewhere, store: shop.store, name: copy, spec })
    const errors = errorsIn(end)
    assert.match(errors.join('\n'), /data.*this cluster does not serve snapshot\.storage\.k8s\.io/)
    assert.equal(await elsewhere.find(Claims, 'data', { namespace: copy }), undefined)
    assert.ok((await elsewhere.find(Namespaces, copy)) !== undefined)
    await elsewhere.delete(Namespaces, copy)
    await elsewhere.close()
  })
})

suite('the snapshots of a backup', { concurrency: false }, () => {
  test('are deleted from the storage with it, and only they, with all that restores made for them; doing it again is no error', async () => {
    const kept = await storedShop(['data'])
    const before = new Set(played.snapshots.keys())
    const shop = await storedShop(['one', 'two'])
    const made = [...played.snapshots.keys()].filter((handle) => !before.has(handle))
    assert.equal(made.length, 2)
    for (const one of [kept, shop]) await restored(one, `${one.name}-copy`)
    const backup = await storedBackup(shop.store, 'nightly')
    assert.ok(backup !== undefined)
    const cluster = (): Promise<KubeClient> => Promise.resolve(kube)
    const end = await deleteBackupSnapshots(shop.store, backup, { cluster, writer: { now: new Date() } })
    assert.deepEqual(end, { deleted: 2, problems: [], unreachable: [] })
    assert.ok(made.every((handle) => !played.snapshots.has(handle)))
    assert.ok([...before].every((handle) => played.snapshots.has(handle)))
    const madeFor = async ({ name }: Stored): Promise<number[]> => {
      const contents = await kube.list(VolumeSnapshotContents, { labelSelector: `velero.io/restore-name=${name}-copy` })
      const snapshots = await kube.list(VolumeSnapshots, { namespace: `${name}-copy` })
      return [contents.items.length, snapshots.items.length]
    }
    await eventually(async () => (await madeFor(shop)).every((count) => count === 0), 'contents of the restore gone')
    assert.deepEqual(await madeFor(kept), [1, 1])
    const again = await deleteBackupSnapshots(shop.store, backup, { cluster, writer: { now: new Date() } })
    assert.deepEqual(again.problems, [])
    assert.ok((await kept.store.head(backupKey('nightly', 'metadata'))) !== undefined)
  })
})

/** Labels that only the archived claim has: those by which a user would choose it. */
async function labelsOf({ store }: Stored, name: string): Promise<Record<string, string>> {
  const { objects } = await readBackup(store)
  const claim = [...objects.values()].find(
    ({ kind, metadata }) => kind === 'PersistentVolumeClaim' && metadata.name === name,
  )
  return { 'velero.io/volume-snapshot-name': claim?.metadata.labels?.['velero.io/volume-snapshot-name'] ?? '' }
}
