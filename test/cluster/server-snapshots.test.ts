// CSI snapshots of backups that a server makes and deletes: killed, cancelled, deleted. The storage side is played.
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { Backups, type Backup } from '#api/backup.ts'
import { DeleteBackupRequests } from '#api/delete-backup-request.ts'
import { annotationKeys } from '#api/labels.ts'
import { deletionRequest } from '#backup/deletion-request.ts'
import type { KubeClient } from '#kube/client.ts'
import { fileStore } from '#store/file.ts'
import { VolumeSnapshotContents, VolumeSnapshots } from '#volumes/snapshot-types.ts'
import { readBackup } from '../support/backup-run.ts'
import { scratchFolder } from '../support/cli.ts'
import { testNamespace } from '../support/cluster.ts'
import { diskCluster, type DiskCluster } from '../support/disk-cluster.ts'
import { makeDisk, type Mood, type PlayedDriver } from '../support/played-driver.ts'
import {
  askForBackup,
  ended,
  eventually,
  installKinds,
  killServer,
  makeLocation,
  startServer,
} from '../support/server.ts'

let cluster: DiskCluster
let kube: KubeClient
let played: PlayedDriver

before(async () => {
  cluster = await diskCluster()
  ;({ kube, played } = cluster)
  await installKinds(kube)
})

after(() => cluster?.[Symbol.asyncDispose]())

/** A place for a server, and a shop with three disks of this mood. */
async function site(mood: Mood) {
  const stack = new AsyncDisposableStack()
  const home = stack.use(await testNamespace(kube))
  const shop = stack.use(await testNamespace(kube))
  const folder = stack.use(await scratchFolder())
  const disks = ['one', 'two', 'three'].map((name) => `${name}-${shop.name}`)
  for (const disk of disks) {
    await makeDisk(kube, shop.name, disk)
    played.moods.set(disk, mood)
  }
  await makeLocation(kube, home.name, { path: folder.path })
  const before = new Set(played.snapshots.keys())
  return {
    disks,
    namespace: home.name,
    shop: shop.name,
    store: fileStore(folder.path),
    start: () => stack.use(startServer({ kubeconfigPath: cluster.kubeconfigPath, namespace: home.name })),
    ask: () => askForBackup(kube, home.name, { name: 'nightly', spec: { includedNamespaces: [shop.name] } }),
    ends: (): Promise<Backup> => ended(kube, Backups, { name: 'nightly', namespace: home.name, seconds: 60 }),
    /** Resolves when all snapshots are asked for. */
    asked: () =>
      eventually(async () => {
        const { items } = await kube.list(VolumeSnapshots, { namespace: shop.name })
        return items.length === disks.length ? items : undefined
      }),
    /** Handles of the snapshots that were not there before. */
    inStorage: () => [...played.snapshots.keys()].filter((handle) => !before.has(handle)),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

async function nothingLeft(): Promise<void> {
  await eventually(async () => {
    const snapshots = (await kube.list(VolumeSnapshots, {})).items
    const contents = (await kube.list(VolumeSnapshotContents, {})).items
    return snapshots.length + contents.length === 0 || undefined
  })
}

suite('a server with CSI snapshots', { concurrency: false }, () => {
  test('that is killed while they are taken is followed by one that takes them over', async () => {
    await using at = await site('silent')
    await using first = at.start()
    await first.leads()
    await at.ask()
    const asked = await at.asked()
    await killServer(first, kube, at.namespace)
    for (const disk of at.disks) played.moods.set(disk, 'good')
    await using second = at.start()
    await second.leads()
    const backup = await at.ends()
    assert.equal(backup.status?.phase, 'Completed')
    assert.equal(backup.status?.csiVolumeSnapshotsCompleted, 3)
    const { objects } = await readBackup(at.store)
    const stored = [...objects.values()]
      .filter(({ kind }) => kind === 'VolumeSnapshot')
      .map(({ metadata }) => metadata.uid)
    assert.deepEqual(stored.toSorted(), asked.map(({ metadata }) => metadata.uid).toSorted())
    await nothingLeft()
    assert.equal(at.inStorage().length, 3)
  })

  test('that is killed while it waits for them to be ready is followed by one that goes on', async () => {
    await using at = await site('never-ready')
    await using first = at.start()
    await first.leads()
    await at.ask()
    await eventually(async () => {
      const { status } = await kube.get(Backups, 'nightly', { namespace: at.namespace })
      return status?.phase === 'WaitingForPluginOperations' || undefined
    })
    await killServer(first, kube, at.namespace)
    for (const disk of at.disks) played.moods.set(disk, 'good')
    await using second = at.start()
    await second.leads()
    assert.equal((await at.ends()).status?.phase, 'Completed')
    await nothingLeft()
    assert.equal(at.inStorage().length, 3)
  })

  test('deletes them, from the storage too, when the backup is cancelled', async () => {
    await using at = await site('never-ready')
    await using server = at.start()
    await server.leads()
    await at.ask()
    await at.asked()
    const annotations = { [annotationKeys.cancel]: 'true' }
    await kube.patch(Backups, 'nightly', { merge: { metadata: { annotations } } }, { namespace: at.namespace })
    assert.equal((await at.ends()).status?.phase, 'Failed')
    await nothingLeft()
    assert.deepEqual(at.inStorage(), [])
  })

  test('that was killed leaves none behind when the backup is cancelled before the next one starts', async () => {
    await using at = await site('never-ready')
    await using first = at.start()
    await first.leads()
    await at.ask()
    await at.asked()
    await killServer(first, kube, at.namespace)
    const annotations = { [annotationKeys.cancel]: 'jane' }
    await kube.patch(Backups, 'nightly', { merge: { metadata: { annotations } } }, { namespace: at.namespace })
    await using second = at.start()
    await second.leads()
    const { status } = await at.ends()
    assert.equal(status?.phase, 'Failed')
    assert.match(status.failureReason ?? '', /^cancelled by jane; .*nothing of it is in the store$/)
    await nothingLeft()
    assert.deepEqual(at.inStorage(), [])
    assert.deepEqual(await Array.fromAsync(at.store.list('')), [])
  })

  test('deletes them with the backup', async () => {
    await using at = await site('good')
    await using server = at.start()
    await server.leads()
    await at.ask()
    const backup = await at.ends()
    assert.equal(backup.status?.phase, 'Completed')
    assert.equal(at.inStorage().length, 3)
    await kube.create(DeleteBackupRequests, deletionRequest(backup, 'one'), { namespace: at.namespace })
    await eventually(
      async () => (await kube.find(Backups, 'nightly', { namespace: at.namespace })) === undefined || undefined,
    )
    assert.deepEqual(at.inStorage(), [])
    await nothingLeft()
  })
})
