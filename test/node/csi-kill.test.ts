// A server that is killed while a real driver takes snapshots: the next one goes on, and nothing stays behind.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Backups } from '#api/backup.ts'
import { DeleteBackupRequests } from '#api/delete-backup-request.ts'
import { Restores } from '#api/restore.ts'
import { deletionRequest } from '#backup/deletion-request.ts'
import { VolumeSnapshotContents, VolumeSnapshots } from '#volumes/snapshot-types.ts'
import { scratchFolder } from '../support/cli.ts'
import { testNamespace } from '../support/cluster.ts'
import { nodeSandbox } from '../support/node-sandbox.ts'
import { Namespaces } from '../support/objects.ts'
import {
  askForBackup,
  askForRestore,
  ended,
  eventually,
  installKinds,
  killServer,
  makeLocation,
  startServer,
} from '../support/server.ts'
import { assertSame, claimsIn, nothingKnown, openDiskShop, snapshotsOf, sumsIn } from './disk-shop.ts'

suite('a server that is killed', async () => {
  const cluster = await nodeSandbox()
  const { kube, kubeconfigPath, storage } = cluster

  test('in the middle of snapshots, twice, and of a restore from them, is followed by one that completes what was begun and leaves nothing', async () => {
    await installKinds(kube)
    await using home = await testNamespace(kube)
    await using folder = await scratchFolder()
    await using shop = await openDiskShop(cluster, ['one', 'two', 'three'])
    const namespace = home.name
    await makeLocation(kube, namespace, { path: folder.path })
    const slow = await Promise.all(
      shop.handles.map((handle) => storage.fault(handle, { takesMs: 1500, readyAfterMs: 'never' })),
    )
    const spec = { includedNamespaces: [shop.namespace] }
    {
      await using first = startServer({ kubeconfigPath, namespace })
      await first.leads()
      await askForBackup(kube, namespace, { name: 'nightly', spec })
      await eventually(async () => (await kube.list(VolumeSnapshots, { namespace: shop.namespace })).items[0], 60)
      await killServer(first, kube, namespace)
    }
    {
      await using second = startServer({ kubeconfigPath, namespace })
      await second.leads()
      await eventually(async () => {
        const { status } = await kube.get(Backups, 'nightly', { namespace })
        return status?.phase === 'WaitingForPluginOperations' || undefined
      }, 60)
      await pause(500)
      await killServer(second, kube, namespace)
    }
    for (const fault of slow) await fault[Symbol.asyncDispose]()
    await using third = startServer({ kubeconfigPath, namespace })
    await third.leads()
    const backup = await ended(kube, Backups, { name: 'nightly', namespace, seconds: 120 })
    assert.equal(backup.status?.phase, 'Completed', backup.status?.failureReason)
    assert.equal(backup.status?.csiVolumeSnapshotsCompleted, 3)
    await nothingKnown(cluster, shop.namespace)
    const taken = await snapshotsOf(cluster, shop)
    assert.equal(taken.length, 3)

    const refusing = await Promise.all(taken.map((id) => storage.fault(id, { error: 'no room yet' })))
    const copy = `${shop.namespace}-copy`
    const namespaceMapping = { [shop.namespace]: copy }
    await askForRestore(kube, namespace, { name: 'again', spec: { backupName: 'nightly', namespaceMapping } })
    await eventually(async () => (await claimsIn(cluster, copy)).length === 3 || undefined, 60)
    await killServer(third, kube, namespace)
    for (const fault of refusing) await fault[Symbol.asyncDispose]()
    await using fourth = startServer({ kubeconfigPath, namespace })
    await fourth.leads()
    const restore = await ended(kube, Restores, { name: 'again', namespace, seconds: 120 })
    assert.equal(restore.status?.phase, 'Completed', JSON.stringify(restore.status))
    assertSame(await sumsIn(cluster, copy), shop)
    const made = (await storage.volumes()).filter(({ source }) => {
      return source !== undefined && 'snapshot' in source && taken.includes(source.snapshot)
    })
    assert.equal(made.length, 3)
    await kube.delete(Namespaces, copy)

    await kube.create(DeleteBackupRequests, deletionRequest(backup, 'one'), { namespace })
    await eventually(async () => (await kube.find(Backups, 'nightly', { namespace })) === undefined || undefined, 60)
    assert.deepEqual(await snapshotsOf(cluster, shop), [])
    // What the restore has made for them is gone too, although nobody has waited for its namespace.
    const labelSelector = 'velero.io/backup-name=nightly,velero.io/restore-name=again'
    await eventually(async () => {
      const contents = (await kube.list(VolumeSnapshotContents, { labelSelector })).items
      return contents.every(({ spec }) => spec?.volumeSnapshotRef?.['namespace'] !== copy) || undefined
    }, 60)
  })
})
