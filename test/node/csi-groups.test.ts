// Volume groups of a real CSI driver, through real csi-snapshotter and snapshot-controller.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { deleteBackupSnapshots } from '#backup/delete.ts'
import { groupTypesOf } from '#volumes/group-types.ts'
import { bringBack } from '../cluster/restore-order.ts'
import { findingsOf } from '../support/backup-results.ts'
import { backUp } from '../support/backup-run.ts'
import { csi } from '../support/csi/storage.ts'
import { nodeSandbox } from '../support/node-sandbox.ts'
import { Claims, Namespaces } from '../support/objects.ts'
import { eventually } from '../support/server.ts'
import { assertSame, nothingKnown, openDiskShop, ownStore, snapshotsOf, sumsIn } from './disk-shop.ts'

suite('a volume group on a real node', async () => {
  const cluster = await nodeSandbox()
  const { kube, storage } = cluster
  const types = groupTypesOf((await kube.discover()).types)
  assert.ok(types !== undefined)

  /** Makes the disks of a shop one group. */
  async function join(namespace: string, disks: readonly string[]): Promise<void> {
    const labels = { 'velero.io/volume-group': 'db' }
    const annotations = { 'velero.io/csi-volume-group-snapshot-class': csi.snapshotClass }
    for (const disk of disks)
      await kube.patch(Claims, disk, { merge: { metadata: { labels, annotations } } }, { namespace })
  }

  async function noGroupKnown(namespace: string): Promise<void> {
    await nothingKnown(cluster, namespace)
    await eventually(async () => {
      const groups = (await kube.list(types!.snapshots, { namespace })).items
      const contents = (await kube.list(types!.contents, {})).items
      const ofShop = contents.filter(({ spec }) => spec?.volumeGroupSnapshotRef?.['namespace'] === namespace)
      return groups.length + ofShop.length === 0 || undefined
    }, 60)
  }

  test('is snapshotted as one, comes back byte by byte, and goes with the backup', async () => {
    await using shop = await openDiskShop(cluster, ['log', 'tables'])
    const { namespace, handles, disks } = shop
    await join(namespace, disks)
    await using place = await ownStore()
    const { store } = place
    const backup = await backUp({ kube, store, spec: { includedNamespaces: [namespace] } })
    assert.equal(backup.status?.phase, 'Completed', JSON.stringify(await findingsOf(store)))
    assert.equal(backup.status?.csiVolumeSnapshotsCompleted, 2)
    await noGroupKnown(namespace)
    const kept = (await storage.snapshots()).filter(({ volume }) => handles.includes(volume))
    assert.equal(kept.length, 2)
    assert.equal(new Set(kept.map(({ group }) => group)).size, 1)
    assert.notEqual(kept[0]?.group, undefined)

    const copy = `${namespace}-copy`
    const spec = { namespaceMapping: { [namespace]: copy } }
    const end = await bringBack({ kube, store, name: copy, spec })
    assert.equal(end.restore.status?.phase, 'Completed', JSON.stringify(end.results))
    assertSame(await sumsIn(cluster, copy), shop)
    await kube.delete(Namespaces, copy)

    const options = { cluster: () => Promise.resolve(kube), writer: { now: new Date() } }
    const deleted = await deleteBackupSnapshots(store, backup, options)
    assert.deepEqual(deleted, { deleted: 2, problems: [], unreachable: [] })
    assert.deepEqual(await snapshotsOf(cluster, shop), [])
    await noGroupKnown(namespace)
  })

  test('that the driver refuses is an error of each member, and nothing of it stays', async () => {
    await using shop = await openDiskShop(cluster, ['log', 'tables'])
    const { namespace, handles, disks } = shop
    await join(namespace, disks)
    await using _broken = await storage.fault(handles[1]!, { error: 'the disk is made of cheese' })
    await using place = await ownStore()
    const { store } = place
    const spec = { includedNamespaces: [namespace], csiSnapshotTimeout: '8s' }
    const backup = await backUp({ kube, store, spec })
    assert.equal(backup.status?.phase, 'PartiallyFailed')
    const { errors } = await findingsOf(store)
    assert.equal(errors.length, 2, errors.join('\n'))
    for (const disk of disks)
      assert.match(errors.join('\n'), new RegExp(`/${disk} .*volume group db: .*made of cheese`))
    await _broken[Symbol.asyncDispose]()
    await noGroupKnown(namespace)
    await eventually(async () => (await snapshotsOf(cluster, shop)).length === 0 || undefined, 60)
  })
})
