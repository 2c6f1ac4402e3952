// What the server makes of locations, and of backups and restores that cannot be.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Backups } from '#api/backup.ts'
import { BackupStorageLocations, type BackupStorageLocation } from '#api/backup-storage-location.ts'
import { DeleteBackupRequests, type DeleteBackupRequest } from '#api/delete-backup-request.ts'
import { DownloadRequests, type DownloadRequest } from '#api/download-request.ts'
import { Restores } from '#api/restore.ts'
import { scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
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

async function checked(namespace: string, name: string): Promise<BackupStorageLocation> {
  return await eventually(async () => {
    const location = await kube.get(BackupStorageLocations, name, { namespace })
    return location.status?.phase === undefined ? undefined : location
  })
}

test('locations are checked, with a reason for those that cannot be used, and one stays the default', async () => {
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  await using server = startServer({ kubeconfigPath, namespace })
  await makeLocation(kube, namespace, { name: 'good', path: join(folder.path, 'store') })
  await makeLocation(kube, namespace, { name: 'nowhere', path: join(folder.path, 'no/such/parent') })
  await makeLocation(kube, namespace, { name: 'unknown', path: '/x', spec: { provider: 'example.com/tape' } })
  const key = { credential: { name: 'absent', key: 'cloud' }, provider: 'aws', config: { region: 'eu-west-1' } }
  await makeLocation(kube, namespace, { name: 'keyless', path: '/x', spec: key })
  await makeLocation(kube, namespace, { name: 'hasty', path: '/x', spec: { validationFrequency: 'soon' } })

  const good = await checked(namespace, 'good')
  assert.equal(good.status?.phase, 'Available')
  assert.equal(good.status?.message ?? '', '')
  assert.match(String(good.status?.lastValidationTime), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  for (const [name, reason] of [
    ['nowhere', /no\/such/],
    ['unknown', /"example\.com\/tape" is not known: use velero\.io\/aws or lifeboat\.dev\/file/],
    ['hasty', /spec\.validationFrequency: expected a duration/],
    ['keyless', new RegExp(`Secret ${namespace}/absent: there is no such Secret`)],
  ] as const) {
    const { status } = await checked(namespace, name)
    assert.equal(status?.phase, 'Unavailable')
    assert.match(status?.message ?? '', reason)
  }
  // A change of the spec is looked at without waiting for the next round.
  const path = join(folder.path, 'store')
  await kube.patch(BackupStorageLocations, 'nowhere', { merge: { spec: { config: { path } } } }, { namespace })
  await eventually(async () => {
    const { status } = await kube.get(BackupStorageLocations, 'nowhere', { namespace })
    return status?.phase === 'Available' || undefined
  }, 5)
  const marked = { merge: { spec: { default: true } } }
  await kube.patch(BackupStorageLocations, 'good', marked, { namespace })
  await kube.patch(BackupStorageLocations, 'nowhere', marked, { namespace })
  await eventually(async () => {
    const { items } = await kube.list(BackupStorageLocations, { namespace })
    return items.filter(({ spec }) => spec.default === true).length === 1 || undefined
  })
  await server.end('SIGTERM')
})

test('backups and restores that cannot be are refused in the words of Velero, and those that can run once', async () => {
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  await using server = startServer({ kubeconfigPath, namespace })
  const path = join(folder.path, 'store')
  // Asked for before the location was ever checked: waits instead of failing.
  await makeLocation(kube, namespace, { path })
  await makeLocation(kube, namespace, { name: 'frozen', path, spec: { accessMode: 'ReadOnly' } })
  const spec = { includedNamespaces: [namespace], includedResources: ['configmaps'] }
  await askForBackup(kube, namespace, { name: 'good', spec })

  const good = await ended(kube, Backups, { name: 'good', namespace })
  assert.equal(good.status?.phase, 'Completed', good.status?.validationErrors?.join())
  assert.equal(good.spec.storageLocation, 'default')
  assert.equal(good.spec.ttl, '720h0m0s')
  assert.equal(good.metadata.labels?.['velero.io/storage-location'], 'default')
  assert.equal(good.status?.formatVersion, '1.1.0')

  const refusals: [string, object, RegExp][] = [
    ['b1', { ...spec, storageLocation: 'frozen' }, /location frozen is currently in read-only mode/],
    ['b2', { ...spec, storageLocation: 'missing' }, /"missing" not found/],
    ['b3', { ...spec, excludedNamespaces: [namespace] }, new RegExp(namespace)],
  ]
  for (const [name, wrong, reason] of refusals) {
    await askForBackup(kube, namespace, { name, spec: wrong })
    const { status } = await ended(kube, Backups, { name, namespace })
    assert.equal(status?.phase, 'FailedValidation')
    assert.match((status?.validationErrors ?? []).join(), reason)
    assert.equal(status?.startTimestamp ?? undefined, undefined)
  }
  await askForRestore(kube, namespace, { name: 'lost', spec: { backupName: 'never-made' } })
  const lost = await ended(kube, Restores, { name: 'lost', namespace })
  assert.equal(lost.status?.phase, 'FailedValidation')
  assert.match((lost.status?.validationErrors ?? []).join(), /"never-made" not found/)

  // All that was written above has woken the controllers again and again.
  const metrics = await (await fetch(`${await server.url()}/metrics`)).text()
  assert.ok(metrics.includes('velero_backup_attempt_total{schedule=""} 1\n'))
  assert.ok(metrics.includes('velero_backup_success_total{schedule=""} 1\n'))
  assert.ok(metrics.includes('velero_backup_validation_failure_total{schedule=""} 3\n'))
  for (const health of ['healthz', 'readyz']) {
    assert.equal((await fetch(`${await server.url()}/${health}`)).status, 200)
  }
  await server.end('SIGTERM')
})

test('requests about backups that are not there are answered or left to expire, without turning in circles', async () => {
  await using home = await testNamespace(kube)
  const namespace = home.name
  await using server = startServer({ kubeconfigPath, namespace })
  const apiVersion = 'velero.io/v1'
  const download: DownloadRequest = {
    apiVersion,
    kind: 'DownloadRequest',
    metadata: { name: 'd' },
    spec: { target: { kind: 'BackupLog', name: 'gone' } },
  }
  const deletion: DeleteBackupRequest = {
    apiVersion,
    kind: 'DeleteBackupRequest',
    metadata: { name: 'x' },
    spec: { backupName: 'gone' },
  }
  await kube.create(DownloadRequests, download, { namespace })
  await kube.create(DeleteBackupRequests, deletion, { namespace })
  const answered = await eventually(async () => {
    const { status } = await kube.get(DeleteBackupRequests, 'x', { namespace })
    return status?.phase === 'Processed' ? status : undefined
  })
  assert.deepEqual(answered.errors, ['backup not found'])
  const marked = await eventually(async () => {
    const request = await kube.get(DownloadRequests, 'd', { namespace })
    return request.status?.expiration === undefined ? undefined : request
  })
  await new Promise((resolve) => setTimeout(resolve, 2500))
  const later = await kube.get(DownloadRequests, 'd', { namespace })
  assert.equal(later.metadata.resourceVersion, marked.metadata.resourceVersion)
  assert.equal(later.status?.downloadURL ?? '', '')

  const past = { merge: { status: { expiration: '2026-01-01T00:00:00Z' } } }
  await kube.patch(DownloadRequests, 'd', past, { namespace })
  await eventually(async () =>
    (await kube.find(DownloadRequests, 'd', { namespace })) === undefined ? true : undefined,
  )
  await server.end('SIGTERM')
})

test('links to files are refused when they are not whole', async () => {
  await using home = await testNamespace(kube)
  await using server = startServer({ kubeconfigPath, namespace: home.name })
  const url = await server.url()
  for (const query of ['', '?location=default&key=backups/a/a-logs.gz&expires=9999999999999&signature=00']) {
    assert.equal((await fetch(`${url}/download${query}`)).status, 403)
  }
  await server.end('SIGTERM')
})
