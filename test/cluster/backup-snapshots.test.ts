// CSI snapshots in a backup, with the storage side played (test/support/played-driver.ts); with a real driver in test/node.
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { Backup } from '#api/backup.ts'
import { decodeBackupOperations } from '#archive/item-operations.ts'
import { decodeVolumeInfo } from '#archive/volume-info.ts'
import type { OperationStanding } from '#backup/operations.ts'
import type { KubeClient } from '#kube/client.ts'
import { loadKubeConfig } from '#kube/config.ts'
import { connect } from '#kube/connect.ts'
import { backupKey } from '#store/layout.ts'
import { memoryStore } from '#store/memory.ts'
import type { ObjectStore } from '#store/store.ts'
import { VolumeSnapshotContents, VolumeSnapshots, type VolumeSnapshotContent } from '#volumes/snapshot-types.ts'
import { backUp, readBackup, type BackupOrder } from '../support/backup-run.ts'
import { findingsOf } from '../support/backup-results.ts'
import { testNamespace } from '../support/cluster.ts'
import { diskCluster, type DiskCluster } from '../support/disk-cluster.ts'
import { ConfigMaps, make } from '../support/objects.ts'
import { makeDisk, type PlayedDriver } from '../support/played-driver.ts'
import { robSnapshotOf } from '../support/robbed-snapshot.ts'
import { eventually } from '../support/server.ts'

let cluster: DiskCluster
let kube: KubeClient
let played: PlayedDriver

before(async () => {
  cluster = await diskCluster()
  ;({ kube, played } = cluster)
})

after(() => cluster?.[Symbol.asyncDispose]())

type Order = Partial<BackupOrder> & { namespace: string; store?: ObjectStore }

async function backUpVolumes({
  namespace,
  store = memoryStore(),
  spec = {},
  ...rest
}: Order): Promise<{ backup: Backup; store: ObjectStore }> {
  const backup = await backUp({ kube, store, spec: { includedNamespaces: [namespace], ...spec }, ...rest })
  return { backup, store }
}

async function nothingLeft(): Promise<void> {
  await eventually(async () => {
    const left = [
      ...(await kube.list(VolumeSnapshots, {})).items,
      ...(await kube.list(VolumeSnapshotContents, {})).items,
    ]
    return left.length === 0 || undefined
  })
}

async function infosIn(store: ObjectStore) {
  return await decodeVolumeInfo(await store.get(backupKey('nightly', 'volume-info')))
}

suite('a backup with CSI volumes', { concurrency: false }, () => {
  test('takes their snapshots, stores what a restore needs, and leaves them in the storage alone', async () => {
    await using shop = await testNamespace(kube)
    await makeDisk(kube, shop.name, 'data')
    const before = new Set(played.snapshots.keys())
    const { backup, store } = await backUpVolumes({ namespace: shop.name })
    assert.equal(backup.status?.phase, 'Completed')
    assert.equal(backup.status?.csiVolumeSnapshotsAttempted, 1)
    assert.equal(backup.status?.csiVolumeSnapshotsCompleted, 1)
    const [handle] = [...played.snapshots.keys()].filter((one) => !before.has(one))
    const { objects, verification } = await readBackup(store)
    assert.deepEqual(verification.differences, [])
    const claim = objects.get(`resources/persistentvolumeclaims/namespaces/${shop.name}/data.json`)
    const name = claim?.metadata.annotations?.['velero.io/volume-snapshot-name'] ?? ''
    assert.equal(claim?.metadata.labels?.['velero.io/backup-name'], 'nightly')
    assert.deepEqual((claim?.['spec'] as { resources: object } | undefined)?.resources, {
      requests: { storage: '2Gi' },
    })
    const snapshot = objects.get(
      `resources/volumesnapshots.snapshot.storage.k8s.io/namespaces/${shop.name}/${name}.json`,
    )
    assert.equal(snapshot?.metadata.annotations?.['velero.io/csi-volumesnapshot-handle'], handle)
    assert.equal(snapshot?.metadata.annotations?.['velero.io/csi-vsc-deletion-policy'], 'Delete')
    const contentName = (snapshot?.['status'] as { boundVolumeSnapshotContentName: string } | undefined)
      ?.boundVolumeSnapshotContentName
    const content = objects.get(`resources/volumesnapshotcontents.snapshot.storage.k8s.io/cluster/${contentName}.json`)
    assert.equal(content?.metadata.labels?.['velero.io/backup-name'], 'nightly')
    assert.ok(objects.has('resources/volumesnapshotclasses.snapshot.storage.k8s.io/cluster/disk.json'))
    await nothingLeft()
    assert.ok(handle !== undefined && played.snapshots.has(handle), 'the snapshot must stay in the storage')
  })

  test('says in the volume info and among the operations which snapshot holds which volume', async () => {
    await using shop = await testNamespace(kube)
    await makeDisk(kube, shop.name, 'data')
    const { store } = await backUpVolumes({ namespace: shop.name })
    const [info] = await infosIn(store)
    assert.equal(info?.backupMethod, 'CSISnapshot')
    assert.equal(info?.['result'], 'succeeded')
    assert.deepEqual([info?.pvcNamespace, info?.pvcName], [shop.name, 'data'])
    const operations = await decodeBackupOperations(await store.get(backupKey('nightly', 'item-operations')))
    assert.equal(operations.length, 1)
    const [operation] = operations
    assert.equal(operation?.status.phase, 'Completed')
    assert.equal(
      (info?.['csiSnapshotInfo'] as { operationID: string } | undefined)?.operationID,
      operation?.spec.operationID,
    )
    assert.deepEqual(
      operation?.spec.postOperationItems?.map(({ Resource }) => Resource),
      ['volumesnapshots', 'volumesnapshotcontents'],
    )
  })

  test('asks for all snapshots at once', async () => {
    await using shop = await testNamespace(kube)
    const names = Array.from({ length: 10 }, (_, index) => `disk-${index}`)
    await Promise.all(names.map((name) => makeDisk(kube, shop.name, name)))
    for (const name of names) played.moods.set(name, 'slow')
    const spans: string[] = []
    const watching = new AbortController()
    const page = await kube.list(VolumeSnapshots, { namespace: shop.name })
    const watch = (async () => {
      const options = { namespace: shop.name, resourceVersion: page.resourceVersion, signal: watching.signal }
      for await (const event of kube.watch(VolumeSnapshots, options)) {
        if (event.type === 'ADDED') spans.push('asked')
        else if (event.type === 'MODIFIED' && event.object.status?.readyToUse === true) spans.push('ready')
      }
    })().catch(() => undefined)
    const { backup } = await backUpVolumes({ namespace: shop.name })
    watching.abort()
    await watch
    assert.equal(backup.status?.csiVolumeSnapshotsCompleted, 10)
    assert.ok(spans.lastIndexOf('asked') < spans.indexOf('ready'), spans.join(' '))
    await nothingLeft()
  })

  test('goes on without the volumes that cannot be had, says why of each, and leaves nothing of them behind', async () => {
    await using shop = await testNamespace(kube)
    await Promise.all(['good', 'refused', 'stuck', 'unheard'].map((name) => makeDisk(kube, shop.name, name)))
    played.moods.set('refused', 'refusing').set('stuck', 'never-ready').set('unheard', 'silent')
    await make(kube, ConfigMaps, { namespace: shop.name, name: 'prices', data: {} })
    const before = new Set(played.snapshots.keys())
    const spec = { csiSnapshotTimeout: '4s', itemOperationTimeout: '6s' }
    const { backup, store } = await backUpVolumes({ namespace: shop.name, spec })
    assert.equal(backup.status?.phase, 'PartiallyFailed')
    const { errors } = await findingsOf(store)
    assert.equal(errors.length, 3, errors.join('\n'))
    assert.match(errors.join('\n'), /refused.*the driver says: no room in the rack/)
    assert.match(errors.join('\n'), /stuck.*Asynchronous action timed out/)
    assert.match(errors.join('\n'), /unheard.*not taken within 4 s \(no snapshot controller has answered\)/)
    const { objects } = await readBackup(store)
    const names = [...objects.keys()]
      .filter((path) => path.includes('/persistentvolumeclaims/'))
      .map((path) => path.split('/').at(-1))
    assert.deepEqual(names, ['good.json'])
    assert.ok(objects.has(`resources/configmaps/namespaces/${shop.name}/prices.json`))
    await nothingLeft()
    assert.equal([...played.snapshots.keys()].filter((one) => !before.has(one)).length, 1)
  })

  test('goes on without the volume whose snapshot somebody deletes meanwhile, and says so', async () => {
    await using shop = await testNamespace(kube)
    await Promise.all(['kept', 'robbed'].map((name) => makeDisk(kube, shop.name, name)))
    played.moods.set('robbed', 'never-ready')
    const before = new Set(played.snapshots.keys())
    const running = backUpVolumes({ namespace: shop.name })
    running.catch(() => undefined)
    const robbed = await eventually(async () => {
      const { items } = await kube.list(VolumeSnapshots, { namespace: shop.name })
      return items.find(({ spec, status }) => {
        return spec?.source?.persistentVolumeClaimName === 'robbed' && status?.creationTime !== undefined
      })
    })
    await kube.delete(VolumeSnapshots, robbed.metadata.name, { namespace: shop.name })
    const { backup, store } = await running
    assert.equal(backup.status?.phase, 'PartiallyFailed')
    const { errors } = await findingsOf(store)
    assert.equal(errors.length, 1, errors.join('\n'))
    assert.match(errors[0] ?? '', /robbed.*somebody deleted the VolumeSnapshot meanwhile/)
    const { objects } = await readBackup(store)
    const claims = [...objects.values()].filter(({ kind }) => kind === 'PersistentVolumeClaim')
    assert.deepEqual(
      claims.map(({ metadata }) => metadata.name),
      ['kept'],
    )
    await nothingLeft()
    assert.equal([...played.snapshots.keys()].filter((one) => !before.has(one)).length, 1)
  })

  test('keeps the data of a snapshot that is ready, though somebody deletes its VolumeSnapshot, and leaves nothing in the cluster', async () => {
    await using shop = await testNamespace(kube)
    await Promise.all(['first', 'last'].map((name) => makeDisk(kube, shop.name, name)))
    played.moods.set('last', 'never-ready')
    const before = new Set(played.snapshots.keys())
    const running = backUpVolumes({ namespace: shop.name })
    running.catch(() => undefined)
    await robSnapshotOf(kube, shop.name, 'first')
    played.moods.set('last', 'good')
    const { backup, store } = await running
    assert.equal(backup.status?.phase, 'Completed')
    const contents = [...(await readBackup(store)).objects.values()].filter(
      ({ kind }) => kind === VolumeSnapshotContents.kind,
    ) as VolumeSnapshotContent[]
    await nothingLeft()
    const made = [...played.snapshots.keys()].filter((one) => !before.has(one))
    assert.deepEqual(contents.map(({ status }) => status?.snapshotHandle).toSorted(), made.toSorted())
    assert.equal(made.length, 2)
    for (const { metadata, spec } of contents) {
      assert.deepEqual([metadata.labels, spec?.deletionPolicy], [{ 'velero.io/backup-name': 'nightly' }, 'Delete'])
      assert.deepEqual(Object.keys(metadata.annotations ?? {}), [])
    }
  })

  test('that is stopped deletes a snapshot that was ready, though somebody has deleted its VolumeSnapshot', async () => {
    await using shop = await testNamespace(kube)
    await Promise.all(['first', 'last'].map((name) => makeDisk(kube, shop.name, name)))
    played.moods.set('last', 'never-ready')
    const before = new Set(played.snapshots.keys())
    const stopped = new AbortController()
    const running = backUpVolumes({ namespace: shop.name, signal: stopped.signal })
    running.catch(() => undefined)
    await robSnapshotOf(kube, shop.name, 'first')
    stopped.abort()
    await assert.rejects(running)
    await nothingLeft()
    await eventually(async () => [...played.snapshots.keys()].every((one) => before.has(one)) || undefined)
  })

  test('that is stopped by its user leaves nothing', async () => {
    await using shop = await testNamespace(kube)
    await makeDisk(kube, shop.name, 'kept')
    played.moods.set('kept', 'slow')
    const before = new Set(played.snapshots.keys())
    const stopped = new AbortController()
    const first = backUpVolumes({ namespace: shop.name, signal: stopped.signal })
    await eventually(async () => (await kube.list(VolumeSnapshots, { namespace: shop.name })).items[0])
    stopped.abort()
    await assert.rejects(first)
    await nothingLeft()
    await eventually(async () => [...played.snapshots.keys()].every((one) => before.has(one)) || undefined)
  })

  test('that a dead server left is taken up with the snapshots that are there', async () => {
    await using shop = await testNamespace(kube)
    await makeDisk(kube, shop.name, 'adopted')
    played.moods.set('adopted', 'slow')
    const before = new Set(played.snapshots.keys())
    const died = new AbortController()
    const hour = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000).toISOString()
    const accepted = { namespace: shop.name, startTimestamp: hour }
    const first = backUpVolumes({ ...accepted, signal: died.signal, isTakenUp: () => true })
    const seen = await eventually(async () => (await kube.list(VolumeSnapshots, { namespace: shop.name })).items[0])
    died.abort()
    await assert.rejects(first)
    const { store } = await backUpVolumes({ ...accepted, resumes: true })
    const stored = [...(await readBackup(store)).objects.values()].find(({ kind }) => kind === 'VolumeSnapshot')
    assert.equal(stored?.metadata.uid, seen.metadata.uid)
    await nothingLeft()
    assert.equal([...played.snapshots.keys()].filter((one) => !before.has(one)).length, 1)
  })

  test('waits in the phases of operations until what is taken is ready', async () => {
    await using shop = await testNamespace(kube)
    await makeDisk(kube, shop.name, 'late')
    played.moods.set('late', 'never-ready')
    const standings: OperationStanding[] = []
    const onOperations = async (standing: OperationStanding): Promise<void> => {
      standings.push(standing)
      if (standings.length === 1) played.moods.set('late', 'good')
    }
    const { backup } = await backUpVolumes({ namespace: shop.name, onOperations })
    assert.deepEqual([...new Set(standings.map(({ phase }) => phase))], ['WaitingForPluginOperations', 'Finalizing'])
    assert.equal(backup.status?.backupItemOperationsAttempted, 1)
    assert.equal(backup.status?.backupItemOperationsCompleted, 1)
    await nothingLeft()
  })

  test('without volumes asks the cluster for nothing more', async () => {
    await using shop = await testNamespace(kube)
    // The calls of the played driver are not ours.
    const own = connect(await loadKubeConfig({ env: {}, home: '/', kubeconfig: cluster.kubeconfigPath }))
    const { store } = await backUpVolumes({ kube: own, namespace: shop.name, spec: { snapshotVolumes: false } })
    const without = own.calls
    const { store: other } = await backUpVolumes({ kube: own, namespace: shop.name })
    assert.equal(own.calls, 2 * without)
    await own.close()
    assert.deepEqual([await infosIn(store), await infosIn(other)], [[], []])
  })
})
