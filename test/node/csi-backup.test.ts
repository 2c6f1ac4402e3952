// Volumes of a real CSI driver, through real csi-provisioner, csi-snapshotter and snapshot-controller: backed up, lost, restored, deleted.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Backup } from '#api/backup.ts'
import { deleteBackupSnapshots } from '#backup/delete.ts'
import { VolumeSnapshots } from '#volumes/snapshot-types.ts'
import { bringBack, removeNamespace } from '../cluster/restore-order.ts'
import { backUp } from '../support/backup-run.ts'
import { nodeSandbox } from '../support/node-sandbox.ts'
import { Namespaces } from '../support/objects.ts'
import { robSnapshotOf } from '../support/robbed-snapshot.ts'
import { eventually } from '../support/server.ts'
import { assertSame, disksAreGone, nothingKnown, openDiskShop, ownStore, snapshotsOf, sumsIn } from './disk-shop.ts'

suite('a backup with volumes on a real node', async () => {
  const cluster = await nodeSandbox()
  const { kube } = cluster

  test('brings every byte back after the namespace is gone, under its own and under another name; its deletion takes the snapshots along', async () => {
    await using shop = await openDiskShop(cluster, ['data', 'log'])
    const { namespace } = shop
    await using place = await ownStore()
    const { store } = place
    const backup = await backUp({ kube, store, spec: { includedNamespaces: [namespace] } })
    assert.equal(backup.status?.phase, 'Completed')
    assert.equal(backup.status?.csiVolumeSnapshotsCompleted, 2)
    await nothingKnown(cluster, namespace)
    assert.equal((await snapshotsOf(cluster, shop)).length, 2)

    await removeNamespace(kube, namespace)
    await disksAreGone(cluster, shop)
    const same = await bringBack({ kube, store, name: `${namespace}-same` })
    assert.equal(same.restore.status?.phase, 'Completed', JSON.stringify(same.results))
    assertSame(await sumsIn(cluster, namespace), shop)

    const copy = `${namespace}-copy`
    const spec = { namespaceMapping: { [namespace]: copy } }
    const other = await bringBack({ kube, store, name: copy, spec })
    assert.equal(other.restore.status?.phase, 'Completed', JSON.stringify(other.results))
    assertSame(await sumsIn(cluster, copy), shop)
    await kube.delete(Namespaces, copy)

    const end = await deleteBackupSnapshots(store, backup, {
      cluster: () => Promise.resolve(kube),
      writer: { now: new Date() },
    })
    assert.deepEqual(end, { deleted: 2, problems: [], unreachable: [] })
    assert.deepEqual(await snapshotsOf(cluster, shop), [])
  })

  test('that is stored keeps what was ready when somebody deleted its VolumeSnapshot, and one that is stopped leaves none of it', async () => {
    await using shop = await openDiskShop(cluster, ['first', 'last'])
    const { namespace, handles } = shop
    await using place = await ownStore()
    const begin = async (name: string, signal?: AbortSignal): Promise<[Promise<Backup>, AsyncDisposable]> => {
      const unready = await cluster.storage.fault(handles[1]!, { readyAfterMs: 'never' })
      const spec = { includedNamespaces: [namespace] }
      const running = backUp({ kube, store: place.store, name, spec, signal })
      running.catch(() => undefined)
      await robSnapshotOf(kube, namespace, 'first')
      return [running, unready]
    }
    const stop = new AbortController()
    const [stopped, never] = await begin('stopped', stop.signal)
    stop.abort()
    await assert.rejects(stopped)
    await never[Symbol.asyncDispose]()
    await nothingKnown(cluster, namespace)
    await eventually(async () => (await snapshotsOf(cluster, shop)).length === 0 || undefined, 60)

    const [stored, late] = await begin('stored')
    await late[Symbol.asyncDispose]()
    const { status } = await stored
    assert.deepEqual([status?.phase, status?.csiVolumeSnapshotsCompleted], ['Completed', 2])
    await nothingKnown(cluster, namespace)
    assert.equal((await snapshotsOf(cluster, shop)).length, 2)
  })

  test('asks for ten snapshots at once', async () => {
    const disks = Array.from({ length: 10 }, (_, index) => `disk-${index}`)
    await using shop = await openDiskShop(cluster, disks)
    const { namespace, handles } = shop
    const faults = await Promise.all(handles.map((handle) => cluster.storage.fault(handle, { readyAfterMs: 3000 })))
    const events: string[] = []
    const watching = new AbortController()
    const { resourceVersion } = await kube.list(VolumeSnapshots, { namespace })
    const watch = (async () => {
      for await (const event of kube.watch(VolumeSnapshots, { namespace, resourceVersion, signal: watching.signal })) {
        if (event.type === 'ADDED') events.push('asked')
        else if (event.type === 'MODIFIED' && event.object.status?.readyToUse === true) events.push('ready')
      }
    })().catch(() => undefined)
    await using place = await ownStore()
    const { store } = place
    const backup = await backUp({ kube, store, spec: { includedNamespaces: [namespace] } })
    watching.abort()
    await watch
    for (const fault of faults) await fault[Symbol.asyncDispose]()
    assert.equal(backup.status?.phase, 'Completed')
    assert.equal(backup.status?.csiVolumeSnapshotsCompleted, 10)
    assert.equal(events.filter((event) => event === 'asked').length, 10)
    assert.ok(events.lastIndexOf('asked') < events.indexOf('ready'), events.join(' '))
    const copy = `${namespace}-copy`
    await bringBack({ kube, store, name: copy, spec: { namespaceMapping: { [namespace]: copy } } })
    assertSame(await sumsIn(cluster, copy), shop)
    await kube.delete(Namespaces, copy)
    await deleteBackupSnapshots(store, backup, { cluster: () => Promise.resolve(kube), writer: { now: new Date() } })
    assert.deepEqual(await snapshotsOf(cluster, shop), [])
  })
})
