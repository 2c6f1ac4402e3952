// A server that is killed while a real driver takes snapshots: the next one goes on, and nothing stays behind.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Backups } from '#api/backup.ts'
import { DeleteBackupRequests } from '#api/delete-backup-request.ts'
import { deletionRequest } from '#backup/deletion-request.ts'
import { VolumeSnapshots } from '#volumes/snapshot-types.ts'
import { scratchFolder } from '../support/cli.ts'
import { testNamespace } from '../support/cluster.ts'
import { nodeSandbox } from '../support/node-sandbox.ts'
import { askForBackup, ended, eventually, installKinds, makeLocation, startServer } from '../support/server.ts'
import { nothingKnown, openDiskShop, snapshotsOf } from './disk-shop.ts'

suite('a server that is killed', async () => {
  const cluster = await nodeSandbox()
  const { kube, kubeconfigPath, storage } = cluster

  test('in the middle of snapshots, twice, is followed by one that completes the backup and leaves nothing', async () => {
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
      assert.equal(await first.end('SIGKILL'), null)
    }
    {
      await using second = startServer({ kubeconfigPath, namespace })
      await second.leads()
      await eventually(async () => {
        const { status } = await kube.get(Backups, 'nightly', { namespace })
        return status?.phase === 'WaitingForPluginOperations' || undefined
      }, 60)
      await pause(500)
      assert.equal(await second.end('SIGKILL'), null)
    }
    for (const fault of slow) await fault[Symbol.asyncDispose]()
    await using third = startServer({ kubeconfigPath, namespace })
    await third.leads()
    const backup = await ended(kube, Backups, { name: 'nightly', namespace, seconds: 120 })
    assert.equal(backup.status?.phase, 'Completed', backup.status?.failureReason)
    assert.equal(backup.status?.csiVolumeSnapshotsCompleted, 3)
    await nothingKnown(cluster, shop.namespace)
    assert.equal((await snapshotsOf(cluster, shop)).length, 3)

    await kube.create(DeleteBackupRequests, deletionRequest(backup, 'one'), { namespace })
    await eventually(async () => (await kube.find(Backups, 'nightly', { namespace })) === undefined || undefined, 60)
    assert.deepEqual(await snapshotsOf(cluster, shop), [])
  })
})
