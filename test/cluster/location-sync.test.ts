// One pass over a location: what is made, what is removed and what is left alone, and how often the store is asked.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups, type Backup } from '#api/backup.ts'
import { PodVolumeBackups } from '#api/pod-volume-backup.ts'
import { Schedules, type Schedule } from '#api/schedule.ts'
import { encodeJsonGz } from '#archive/json-gz.ts'
import { backupKey } from '#store/layout.ts'
import { memoryStore } from '#store/memory.ts'
import { StoreError } from '#store/store.ts'
import { sharedCluster } from '../support/cluster.ts'
import { faultyApi } from '../support/faulty-api.ts'
import { locationBench } from '../support/location-bench.ts'
import { installKinds } from '../support/server.ts'
import { putStoredBackup } from '../support/stored-backup.ts'

const { kube, kubeconfigPath } = await sharedCluster()
before(() => installKinds(kube))
after(() => kube.close())

test('what is in the store appears, is not read again, and goes with its files', async () => {
  await using it = await locationBench(kube)
  for (let i = 0; i < 200; i += 1) await putStoredBackup(it.store, `b${String(i).padStart(3, '0')}`)
  const first = await it.pass()
  assert.equal(first.status?.lastSyncedTime, '2026-06-01T00:01:00Z')
  assert.equal((await it.names()).length, 200)
  const one = await kube.get(Backups, 'b042', { namespace: it.namespace })
  assert.deepEqual(one.metadata.labels, { 'velero.io/storage-location': 'here' })
  assert.equal(one.spec.storageLocation, 'here')
  assert.deepEqual(one.spec.includedNamespaces, ['shop'])
  assert.equal(one.status?.phase, 'Completed')

  it.calls.length = 0
  await it.pass()
  assert.deepEqual(it.calls, ['folders backups/'])

  await it.store.delete(backupKey('b042', 'metadata'))
  it.calls.length = 0
  await it.pass()
  assert.deepEqual(it.calls, ['folders backups/', 'list backups/b042/'])
  assert.equal(await kube.find(Backups, 'b042', { namespace: it.namespace }), undefined)
  assert.equal((await it.names()).length, 199)
})

test('a store that suddenly shows nothing is reported, and believed the second time', async () => {
  await using it = await locationBench(kube)
  await putStoredBackup(it.store, 'a')
  await putStoredBackup(it.store, 'b')
  assert.equal((await it.pass()).status?.message ?? '', '')
  for (const name of ['a', 'b']) await it.store.delete(backupKey(name, 'metadata'))
  const doubted = await it.pass()
  assert.match(doubted.status?.message ?? '', /2 of 2 backups known here are not in the store any more/)
  assert.equal(doubted.status?.phase, 'Available')
  assert.deepEqual(await it.names(), ['a', 'b'])

  // A mount that came back is no reason to remove anything.
  await putStoredBackup(it.store, 'a')
  assert.equal((await it.pass()).status?.message ?? '', '')
  assert.deepEqual(await it.names(), ['a'])
  await it.store.delete(backupKey('a', 'metadata'))
  await it.pass()
  assert.deepEqual(await it.names(), ['a'])
  assert.equal((await it.pass()).status?.message ?? '', '')
  assert.deepEqual(await it.names(), [])
})

test('doubts about one bucket confirm nothing about another', async () => {
  await using it = await locationBench(kube)
  await putStoredBackup(it.store, 'a')
  await it.pass()
  await it.store.delete(backupKey('a', 'metadata'))
  await it.pass()
  const moved = { merge: { spec: { objectStorage: { bucket: 'another' } } } }
  await kube.patch(BackupStorageLocations, 'here', moved, { namespace: it.namespace })
  assert.match((await it.pass()).status?.message ?? '', /1 of 1 backups/)
  assert.deepEqual(await it.names(), ['a'])
  await it.pass()
  assert.deepEqual(await it.names(), [])
})

test('a listing that fails in the middle removes nothing and makes nothing', async () => {
  const store = memoryStore()
  let cutOff = false
  async function* folders(prefix: string): AsyncGenerator<string> {
    for await (const name of store.folders(prefix)) {
      yield name
      if (cutOff) throw new StoreError('unreachable', 'the connection is lost')
    }
  }
  await using it = await locationBench(kube, { store: { ...store, folders } })
  for (const name of ['a', 'b', 'c']) await putStoredBackup(store, name)
  await it.pass()
  await putStoredBackup(store, '0-new')
  cutOff = true
  for (let i = 0; i < 3; i += 1) await assert.rejects(it.pass(), /the connection is lost/)
  assert.deepEqual(await it.names(), ['a', 'b', 'c'])
})

test('files that appear between the listing and the removal keep their object', async () => {
  const store = memoryStore()
  let blind = false
  const folders = (prefix: string): AsyncIterable<string> => (blind ? none() : store.folders(prefix))
  async function* none(): AsyncGenerator<string> {}
  await using it = await locationBench(kube, { store: { ...store, folders } })
  await putStoredBackup(store, 'a')
  await it.pass()
  blind = true
  await it.pass()
  await it.pass()
  assert.deepEqual(await it.names(), ['a'])
})

test('what is at work, failed or in another location stays, whatever the store holds', async () => {
  await using it = await locationBench(kube)
  const { namespace } = it
  const make = async (name: string, location: string, phase: NonNullable<Backup['status']>['phase']): Promise<void> => {
    const spec = { storageLocation: location }
    const object: Backup = { apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name }, spec, status: { phase } }
    await kube.create(Backups, object, { namespace })
  }
  await make('done', 'here', 'Completed')
  await make('partly', 'here', 'PartiallyFailed')
  await make('elsewhere', 'there', 'Completed')
  for (const phase of [
    'New',
    'Queued',
    'InProgress',
    'Finalizing',
    'Failed',
    'FailedValidation',
    'Deleting',
  ] as const) {
    await make(phase.toLowerCase(), 'here', phase)
  }
  await it.pass()
  await it.pass()
  const left = ['deleting', 'elsewhere', 'failed', 'failedvalidation', 'finalizing', 'inprogress', 'new', 'queued']
  assert.deepEqual(await it.names(), left)
})

test('halves of backups, foreign files and damaged ones are no backups; the damaged are told', async () => {
  await using it = await locationBench(kube)
  const { store } = it
  await putStoredBackup(store, 'good')
  await putStoredBackup(store, 'finalizing', { status: { phase: 'Finalizing', expiration: '2027-01-01T00:00:00Z' } })
  await putStoredBackup(store, 'expired', { status: { phase: 'Finalizing', expiration: '2026-01-01T00:00:00Z' } })
  await store.put('backups/half/half-logs.gz', Buffer.from('x'))
  await store.put('backups/Not A Name/velero-backup.json', Buffer.from('{}'))
  await store.put('backups/torn/velero-backup.json', Buffer.from('{"apiVersion":'))
  await store.put('backups/loose.txt', Buffer.from('x'))
  await store.put(
    'backups/odd/velero-backup.json',
    Buffer.from(
      JSON.stringify({ apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name: 'odd' }, spec: { ttl: 5 } }),
    ),
  )
  const { status } = await it.pass()
  assert.deepEqual(await it.names(), ['expired', 'good'])
  assert.match(status?.message ?? '', /backup odd in the store cannot be used: .*spec\.ttl/)
  assert.match(status?.message ?? '', /backup torn in the store cannot be used: .*no valid JSON/)
  const expired = await kube.get(Backups, 'expired', { namespace: it.namespace })
  assert.equal(expired.status?.phase, 'PartiallyFailed')

  // Its maker has ended it meanwhile.
  await store.delete(backupKey('finalizing', 'metadata'))
  await putStoredBackup(store, 'finalizing')
  await it.pass()
  assert.deepEqual(await it.names(), ['expired', 'finalizing', 'good'])
})

const volume = {
  metadata: {
    name: 'shop-x1',
    namespace: 'velero',
    labels: { 'velero.io/backup-name': 'shop', 'velero.io/backup-uid': 'uid-of-shop' },
    ownerReferences: [{ apiVersion: 'velero.io/v1', kind: 'Backup', name: 'shop', uid: 'uid-of-shop' }],
  },
  spec: {
    node: 'n',
    pod: { kind: 'Pod', name: 'p', namespace: 'shop' },
    volume: 'data',
    backupStorageLocation: 'elsewhere',
    repoIdentifier: '',
    uploaderType: 'kopia',
  },
  status: { phase: 'Completed', snapshotID: 'abc' },
}

test('the volumes of a backup come with it, also when the import was cut off in between', async () => {
  await using it = await locationBench(kube)
  const { namespace, store } = it
  await putStoredBackup(store, 'shop')
  await store.put(backupKey('shop', 'pod-volume-backups'), await encodeJsonGz([volume]))
  await it.pass()
  const shop = await kube.get(Backups, 'shop', { namespace })
  const imported = await kube.get(PodVolumeBackups, 'shop-x1', { namespace })
  assert.equal(imported.metadata.ownerReferences?.[0]?.uid, shop.metadata.uid)
  assert.equal(imported.metadata.labels?.['velero.io/backup-uid'], shop.metadata.uid)
  assert.equal(imported.spec.backupStorageLocation, 'here')
  assert.equal(imported.status?.snapshotID, 'abc')
  assert.equal(shop.metadata.annotations?.['lifeboat.dev/importing'], undefined)

  await kube.delete(PodVolumeBackups, 'shop-x1', { namespace })
  const begun = { merge: { metadata: { annotations: { 'lifeboat.dev/importing': 'true' } } } }
  await kube.patch(Backups, 'shop', begun, { namespace })
  await it.pass()
  assert.ok(await kube.find(PodVolumeBackups, 'shop-x1', { namespace }))
  const ended = await kube.get(Backups, 'shop', { namespace })
  assert.equal(ended.metadata.annotations?.['lifeboat.dev/importing'], undefined)
})

const forbidden = { status: 403, body: JSON.stringify({ kind: 'Status', code: 403, reason: 'Forbidden' }) }

test('a process that dies at any moment of a pass leaves nothing that the next one does not end', async () => {
  await using it = await locationBench(kube)
  const { namespace, store } = it
  for (const name of ['a', 'b']) {
    await putStoredBackup(store, name)
    const volumes = [1, 2].map((i) => ({ ...volume, metadata: { ...volume.metadata, name: `${name}-${i}` } }))
    await store.put(backupKey(name, 'pod-volume-backups'), await encodeJsonGz(volumes))
  }
  await putStoredBackup(store, 'old')
  await kube.create(Backups, finishedHere('old'), { namespace })
  for (let requests = 0, whole = false; !whole; requests += 1) {
    await kube.create(Backups, finishedHere('gone'), { namespace })
    let left = requests
    await using api = await faultyApi(kubeconfigPath, () => {
      left -= 1
      return left < 0 ? forbidden : undefined
    })
    await it.passOfAnother(api.kube).then(
      () => (whole = true),
      () => undefined,
    )
    if (requests < 5) assert.ok(!whole, 'the requests were not counted')
    await it.passOfAnother(kube)
    assert.deepEqual(await it.names(), ['a', 'b', 'old'], `cut off after ${requests} requests`)
    const { items } = await kube.list(PodVolumeBackups, { namespace })
    const names = items.map(({ metadata }) => metadata.name).toSorted()
    assert.deepEqual(names, ['a-1', 'a-2', 'b-1', 'b-2'], `cut off after ${requests} requests`)
    for (const name of ['a', 'b']) {
      const { annotations } = (await kube.get(Backups, name, { namespace })).metadata
      assert.equal(annotations?.['lifeboat.dev/importing'], undefined)
      await kube.delete(Backups, name, { namespace })
    }
    for (const name of names) await kube.delete(PodVolumeBackups, name, { namespace })
  }
})

function finishedHere(name: string): Backup {
  return {
    apiVersion: 'velero.io/v1',
    kind: 'Backup',
    metadata: { name },
    spec: { storageLocation: 'here' },
    status: { phase: 'Completed' },
  }
}

test('a backup belongs to its Schedule again, and to nobody that is not there', async () => {
  await using it = await locationBench(kube)
  const { namespace } = it
  const spec = { schedule: '@daily', template: {} }
  const nightly: Schedule = { apiVersion: 'velero.io/v1', kind: 'Schedule', metadata: { name: 'nightly' }, spec }
  const { metadata } = await kube.create(Schedules, nightly, { namespace })
  const owner = { apiVersion: 'velero.io/v1', kind: 'Schedule', name: 'nightly', uid: metadata.uid ?? '' }
  await putStoredBackup(it.store, 'owned', { metadata: { ownerReferences: [owner] } })
  await putStoredBackup(it.store, 'orphan', { metadata: { ownerReferences: [{ ...owner, uid: 'gone' }] } })
  await it.pass()
  const uids = async (name: string): Promise<string[] | undefined> =>
    (await kube.get(Backups, name, { namespace })).metadata.ownerReferences?.map(({ uid }) => uid)
  assert.deepEqual(await uids('owned'), [owner.uid])
  assert.equal(await uids('orphan'), undefined)
})
