// What becomes of backups whose time is over, and of requests to delete backups.
import assert from 'node:assert/strict'
import { cp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Backups, type Backup } from '#api/backup.ts'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { DeleteBackupRequests, type DeleteBackupRequest } from '#api/delete-backup-request.ts'
import { Restores } from '#api/restore.ts'
import { Schedules } from '#api/schedule.ts'
import { deletionRequest } from '#backup/deletion-request.ts'
import { clusterIdentity } from '#controllers/cluster-identity.ts'
import { deleteRequestController } from '#controllers/delete-request-controller.ts'
import { locationStores } from '#controllers/location-stores.ts'
import { snapshotLocations } from '#controllers/snapshot-locations.ts'
import { runController } from '#runtime/controller.ts'
import { scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make } from '../support/objects.ts'
import { startServerHere } from '../support/server-here.ts'
import { askForBackup, askForRestore, ended, eventually, installKinds, makeLocation } from '../support/server.ts'

const { kube } = await sharedCluster()
before(() => installKinds(kube))
after(() => kube.close())

const log = { debug() {}, info() {}, warn() {}, error() {} }
const often = { garbageCollectionFrequency: 200 }
const HOUR = 3_600_000

async function folders(path: string): Promise<string[]> {
  return (await readdir(path).catch(() => [])).toSorted()
}

async function requests(namespace: string): Promise<DeleteBackupRequest[]> {
  return (await kube.list(DeleteBackupRequests, { namespace })).items
}

test('an expired backup goes with its files, its restores and their files; others stay', async () => {
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  const path = join(folder.path, 'store')
  let now = new Date()
  await make(kube, ConfigMaps, { namespace, name: 'prices' })
  await makeLocation(kube, namespace, { path })
  await using server = startServerHere({ kube, namespace, now: () => now, config: often })
  const spec = { includedNamespaces: [namespace], includedResources: ['configmaps'] }
  await askForBackup(kube, namespace, { name: 'old', spec: { ...spec, ttl: '1h' } })
  await askForBackup(kube, namespace, { name: 'young', spec })
  for (const name of ['old', 'young'])
    assert.equal((await ended(kube, Backups, { name, namespace })).status?.phase, 'Completed')
  for (const backupName of ['old', 'young']) {
    await askForRestore(kube, namespace, { name: `from-${backupName}`, spec: { backupName } })
    assert.equal((await ended(kube, Restores, { name: `from-${backupName}`, namespace })).status?.phase, 'Completed')
  }
  assert.deepEqual(await folders(join(path, 'backups')), ['old', 'young'])
  assert.deepEqual(await folders(join(path, 'restores')), ['from-old', 'from-young'])

  now = new Date(now.getTime() + 2 * HOUR)
  await eventually(async () => ((await kube.find(Backups, 'old', { namespace })) === undefined ? true : undefined))
  await eventually(async () => ((await requests(namespace)).length === 0 ? true : undefined))
  assert.deepEqual(await folders(join(path, 'backups')), ['young'])
  assert.deepEqual(await folders(join(path, 'restores')), ['from-young'])
  assert.deepEqual(
    (await kube.list(Restores, { namespace })).items.map(({ metadata }) => metadata.name),
    ['from-young'],
  )
  assert.equal((await kube.get(Backups, 'young', { namespace })).status?.phase, 'Completed')
  await server.stop()
})

async function expired(namespace: string, name: string, storageLocation: string): Promise<Backup> {
  const status = { phase: 'Completed', startTimestamp: '2026-01-01T00:00:00Z', expiration: '2026-01-02T00:00:00Z' }
  return (await make(kube, Backups, { namespace, name, spec: { storageLocation }, status })) as Backup
}

test('an expired backup that its location keeps is labelled with the reason, and goes when the location lets it', async () => {
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  await makeLocation(kube, namespace, { name: 'frozen', path: folder.path, spec: { accessMode: 'ReadOnly' } })
  await expired(namespace, 'kept', 'frozen')
  await expired(namespace, 'lost', 'nowhere')
  await using _server = startServerHere({ kube, namespace, now: () => new Date(), config: often })
  const label = async (name: string): Promise<string | undefined> =>
    (await kube.get(Backups, name, { namespace })).metadata.labels?.['velero.io/gc-failure']
  for (const [name, failure] of [
    ['kept', 'BSLReadOnly'],
    ['lost', 'BSLNotFound'],
  ] as const)
    await eventually(async () => ((await label(name)) === failure ? true : undefined))
  assert.deepEqual(await requests(namespace), [])

  const writable = { merge: { spec: { accessMode: 'ReadWrite' } } }
  await kube.patch(BackupStorageLocations, 'frozen', writable, { namespace })
  await eventually(async () => ((await kube.find(Backups, 'kept', { namespace })) === undefined ? true : undefined))
  assert.equal(await label('lost'), 'BSLNotFound')
})

test('rules of a schedule decide instead of the time to live, about what it made in this cluster; wrong ones delete nothing', async () => {
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  await makeLocation(kube, namespace, { path: folder.path })
  const cluster = (await clusterIdentity(kube, AbortSignal.timeout(10_000))) ?? assert.fail()
  const byRules = { 'lifeboat.dev/scheduled-in': cluster, 'lifeboat.dev/retention': 'daily=2' }
  const made = async (schedule: string, day: number, annotations: object = byRules): Promise<void> => {
    const startTimestamp = `2026-01-0${day}T03:00:00Z`
    await make(kube, Backups, {
      namespace,
      name: `${schedule}-2026010${day}030000`,
      metadata: { annotations, labels: { 'velero.io/schedule-name': schedule } },
      spec: { storageLocation: 'default' },
      status: {
        phase: day === 4 ? 'PartiallyFailed' : 'Completed',
        startTimestamp,
        expiration: '2026-02-01T00:00:00Z',
      },
    })
  }
  const plan = async (name: string, retention: string): Promise<void> => {
    const metadata = { annotations: { 'lifeboat.dev/retention': retention } }
    await make(kube, Schedules, { namespace, name, metadata, spec: { schedule: '@daily', paused: true, template: {} } })
  }
  await plan('tide', 'daily=2')
  await plan('odd', 'daily=some')
  for (const day of [1, 2, 3, 4]) await made('tide', day)
  await made('odd', 1)
  await made('gone', 1)
  await made('tide', 5, { ...byRules, 'lifeboat.dev/scheduled-in': 'another' })
  await made('tide', 6, {})

  await using server = startServerHere({ kube, namespace, now: () => new Date(), config: often })
  const left = async (): Promise<string[]> =>
    (await kube.list(Backups, { namespace })).items.map(({ metadata }) => metadata.name).toSorted()
  const expected = [
    'gone-20260101030000', // its schedule is gone, the rules it left hold on
    'odd-20260101030000', // nobody knows what is meant
    'tide-20260103030000',
    'tide-20260104030000',
    'tide-20260105030000', // another cluster's
  ]
  await eventually(async () => ((await left()).length === expected.length ? true : undefined))
  assert.deepEqual(await left(), expected)
  const odd = await eventually(async () => {
    const { status } = await kube.get(Schedules, 'odd', { namespace })
    return status?.phase === undefined ? undefined : status
  })
  assert.equal(odd.phase, 'Enabled')
  assert.match((odd.validationErrors ?? []).join(), /invalid retention "daily=some": "daily=some" is no rule/)
  await server.stop()
})

test('a schedule notes on its backups in which cluster it made them', async () => {
  await using home = await testNamespace(kube)
  const namespace = home.name
  await make(kube, Schedules, { namespace, name: 'tide', spec: { schedule: '* * * * *', template: {} } })
  const now = new Date(Date.now() + 120_000)
  await using server = startServerHere({ kube, namespace, now: () => now })
  const [backup] = await eventually(async () => {
    const { items } = await kube.list(Backups, { namespace })
    return items.length > 0 ? items : undefined
  })
  const cluster = await clusterIdentity(kube, AbortSignal.timeout(10_000))
  assert.equal(backup?.metadata.annotations?.['lifeboat.dev/scheduled-in'], cluster)
  await server.stop()
})

/** Only the controller of these requests, so that nobody touches the other objects. */
function deleting(namespace: string): AsyncDisposable {
  const end = new AbortController()
  const stores = locationStores(kube, { namespace, env: {} })
  const snapshotters = snapshotLocations(kube, { namespace, env: {} })
  const options = { stores, snapshotters, installation: undefined }
  const controller = deleteRequestController({ ...options, onStart() {}, onEnd() {} })
  const running = runController(controller, { kube, namespace, now: () => new Date(), signal: end.signal, log })
  return {
    async [Symbol.asyncDispose]() {
      end.abort()
      await running
    },
  }
}

async function answer(namespace: string, name: string): Promise<string> {
  return await eventually(async () => {
    const { status } = await kube.get(DeleteBackupRequests, name, { namespace })
    return status?.phase === 'Processed' ? (status.errors ?? []).join() : undefined
  })
}

test('a request is refused as long as its backup is in use, and the answer to a later one takes its place', async () => {
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  await makeLocation(kube, namespace, { path: folder.path })
  await kube.patch(BackupStorageLocations, 'default', { merge: { status: { phase: 'Available' } } }, { namespace })
  const backup = await expired(namespace, 'b', 'default')
  await make(kube, Restores, { namespace, name: 'r', spec: { backupName: 'b' }, status: { phase: 'InProgress' } })
  await using _controller = deleting(namespace)
  await kube.create(DeleteBackupRequests, deletionRequest(backup, 'one'), { namespace })
  assert.equal(await answer(namespace, 'b-one'), 'restore r of this backup is still in progress')
  await kube.create(DeleteBackupRequests, deletionRequest(backup, 'two'), { namespace })
  assert.match(await answer(namespace, 'b-two'), /still in progress/)
  await eventually(async () => ((await requests(namespace)).length === 1 ? true : undefined))
  assert.equal((await kube.get(Backups, 'b', { namespace })).status?.phase, 'Completed')

  await kube.patch(Restores, 'r', { merge: { status: { phase: 'Completed' } } }, { namespace })
  await kube.create(DeleteBackupRequests, deletionRequest(backup, 'three'), { namespace })
  await eventually(async () => ((await requests(namespace)).length === 0 ? true : undefined))
  assert.deepEqual((await kube.list(Backups, { namespace })).items, [])
  assert.deepEqual((await kube.list(Restores, { namespace })).items, [])
})

test('a deletion that a dead server began is ended, and never goes on with a later backup of the same name', async () => {
  await using home = await testNamespace(kube)
  const namespace = home.name
  const meant = await expired(namespace, 'b', 'default')
  await kube.delete(Backups, 'b', { namespace })
  const begun = { ...deletionRequest(meant, 'begun'), status: { phase: 'InProgress' as const } }
  await kube.create(DeleteBackupRequests, begun, { namespace })
  await expired(namespace, 'b', 'default')
  await using _controller = deleting(namespace)
  await eventually(async () => ((await requests(namespace)).length === 0 ? true : undefined))
  await kube.create(DeleteBackupRequests, deletionRequest(meant, 'late'), { namespace })
  assert.equal(await answer(namespace, 'b-late'), 'backup not found')
  assert.equal((await kube.get(Backups, 'b', { namespace })).status?.phase, 'Completed')
})

test('deleting a backup that failed because its name is taken leaves the files of the other one', async () => {
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  const path = join(folder.path, 'store')
  await makeLocation(kube, namespace, { path })
  let now = new Date()
  await using server = startServerHere({ kube, namespace, now: () => now })
  const spec = { includedNamespaces: [namespace], includedResources: ['configmaps'] }
  await askForBackup(kube, namespace, { name: 'theirs', spec })
  assert.equal((await ended(kube, Backups, { name: 'theirs', namespace })).status?.phase, 'Completed')
  // As if another cluster had made it, at another time.
  await cp(join(path, 'backups/theirs'), join(path, 'backups/taken'), { recursive: true })
  const marker = join(path, 'backups/taken/velero-backup.json')
  now = new Date(now.getTime() + 60_000)
  await askForBackup(kube, namespace, { name: 'taken', spec })
  const failed = await ended(kube, Backups, { name: 'taken', namespace })
  assert.equal(failed.status?.phase, 'Failed')
  const before = await readFile(marker)
  await kube.create(DeleteBackupRequests, deletionRequest(failed, 'x'), { namespace })
  await eventually(async () => ((await kube.find(Backups, 'taken', { namespace })) === undefined ? true : undefined))
  assert.ok((await readFile(marker)).equals(before))
  await server.stop()
})
