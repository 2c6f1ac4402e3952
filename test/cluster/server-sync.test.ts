// Two servers on one store, each with custom resources of its own: what one makes the other sees, restores and deletes.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Backups, type Backup } from '#api/backup.ts'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { DeleteBackupRequests, type DeleteBackupRequest } from '#api/delete-backup-request.ts'
import { Restores } from '#api/restore.ts'
import { scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps } from '../support/objects.ts'
import {
  askForBackup,
  askForRestore,
  ended,
  eventually,
  installKinds,
  makeLocation,
  startServer,
} from '../support/server.ts'

const { kube, kubeconfigPath } = await sharedCluster()
before(() => installKinds(kube))
after(() => kube.close())

const args = ['--backup-sync-period', '1s']

async function appeared(namespace: string, name: string): Promise<Backup> {
  return await eventually(() => kube.find(Backups, name, { namespace }))
}

async function disappeared(namespace: string, name: string): Promise<void> {
  await eventually(async () => ((await kube.find(Backups, name, { namespace })) === undefined ? true : undefined))
}

test('a backup made in A appears in B, is restored and deleted there, and disappears in A', async () => {
  await using shop = await testNamespace(kube)
  await using a = await testNamespace(kube)
  await using b = await testNamespace(kube)
  await using folder = await scratchFolder()
  const path = join(folder.path, 'store')
  await using inA = startServer({ kubeconfigPath, namespace: a.name, args })
  await using inB = startServer({ kubeconfigPath, namespace: b.name, args })
  await makeLocation(kube, a.name, { path })
  // Who may only read does not make the folder, and would look again in a minute only.
  await eventually(async () => {
    const { status } = await kube.get(BackupStorageLocations, 'default', { namespace: a.name })
    return status?.phase === 'Available' || undefined
  })
  // The other cluster calls the place differently and may only read, at first.
  await makeLocation(kube, b.name, { name: 'theirs', path, spec: { accessMode: 'ReadOnly' } })

  const price = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'price' }, data: { apple: '3' } }
  await kube.create(ConfigMaps, price, { namespace: shop.name })
  const spec = { includedNamespaces: [shop.name], includedResources: ['configmaps'] }
  for (const name of ['first', 'second', 'third']) {
    await askForBackup(kube, a.name, { name, spec })
    const { status } = await ended(kube, Backups, { name, namespace: a.name })
    assert.equal(status?.phase, 'Completed', JSON.stringify(status))
  }

  const seen = await appeared(b.name, 'first')
  const made = await kube.get(Backups, 'first', { namespace: a.name })
  assert.equal(seen.spec.storageLocation, 'theirs')
  assert.equal(seen.metadata.labels?.['velero.io/storage-location'], 'theirs')
  assert.deepEqual(seen.status, made.status)
  assert.deepEqual({ ...seen.spec, storageLocation: '' }, { ...made.spec, storageLocation: '' })

  await kube.delete(ConfigMaps, 'price', { namespace: shop.name })
  await askForRestore(kube, b.name, { name: 'back', spec: { backupName: 'first' } })
  const back = await ended(kube, Restores, { name: 'back', namespace: b.name })
  assert.equal(back.status?.phase, 'Completed', JSON.stringify(back.status))
  assert.deepEqual((await kube.get(ConfigMaps, 'price', { namespace: shop.name }))['data'], { apple: '3' })

  const writable = { merge: { spec: { accessMode: 'ReadWrite' } } }
  await kube.patch(BackupStorageLocations, 'theirs', writable, { namespace: b.name })
  const deletion: DeleteBackupRequest = {
    apiVersion: 'velero.io/v1',
    kind: 'DeleteBackupRequest',
    metadata: { name: 'x' },
    spec: { backupName: 'first' },
  }
  await appeared(b.name, 'second')
  await appeared(b.name, 'third')
  await kube.create(DeleteBackupRequests, deletion, { namespace: b.name })
  await disappeared(b.name, 'first')
  await disappeared(a.name, 'first')
  for (const { name: namespace } of [a, b]) {
    const { items } = await kube.list(Backups, { namespace })
    assert.deepEqual(items.map(({ metadata }) => metadata.name).toSorted(), ['second', 'third'])
  }
  await Promise.all([inA.end('SIGTERM'), inB.end('SIGTERM')])
})

test('an object that is deleted by hand comes back, and a location without a period is left alone', async () => {
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  await using server = startServer({ kubeconfigPath, namespace, args })
  const path = join(folder.path, 'store')
  await makeLocation(kube, namespace, { path })
  await askForBackup(kube, namespace, {
    name: 'kept',
    spec: { includedNamespaces: [namespace], includedResources: ['configmaps'] },
  })
  const made = await ended(kube, Backups, { name: 'kept', namespace })
  await kube.delete(Backups, 'kept', { namespace })
  const back = await appeared(namespace, 'kept')
  assert.notEqual(back.metadata.uid, made.metadata.uid)
  assert.deepEqual(back.status, made.status)

  await makeLocation(kube, namespace, { name: 'silent', path, spec: { backupSyncPeriod: '0s' } })
  await eventually(async () => {
    const { status } = await kube.get(BackupStorageLocations, 'silent', { namespace })
    return status?.phase === 'Available' || undefined
  })
  await kube.patch(
    BackupStorageLocations,
    'default',
    { merge: { spec: { config: { path: join(folder.path, 'moved') } } } },
    { namespace },
  )
  // Its new place is empty, and it takes two looks to believe that.
  await disappeared(namespace, 'kept')
  const silent = await kube.get(BackupStorageLocations, 'silent', { namespace })
  assert.equal(silent.status?.lastSyncedTime ?? undefined, undefined)
  await kube.patch(BackupStorageLocations, 'default', { merge: { spec: { config: { path } } } }, { namespace })
  assert.equal((await appeared(namespace, 'kept')).spec.storageLocation, 'default')
  await server.end('SIGTERM')
  assert.match((await server.ended).stdout, /1 of 1 backups known here are not in the store any more/)
})
