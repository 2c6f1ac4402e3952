// Two clusters, each with its own API server and its own server of ours, on one bucket.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Backups } from '#api/backup.ts'
import { DeleteBackupRequests } from '#api/delete-backup-request.ts'
import { Restores } from '#api/restore.ts'
import { deletionRequest } from '#backup/deletion-request.ts'
import type { KubeClient } from '#kube/client.ts'
import { backupPrefix } from '#store/layout.ts'
import { openStore } from '#store/open.ts'
import { ownCluster, type TestCluster } from '../support/cluster.ts'
import { ConfigMaps, Deployments, make, Namespaces } from '../support/objects.ts'
import { locationSays, makeKeys, makeS3Location } from '../support/s3-location.ts'
import { s3Server, type S3Server } from '../support/s3-server.ts'
import {
  askForBackup,
  askForRestore,
  ended,
  eventually,
  installKinds,
  letRestoresGo,
  startServer,
  type ServerProcess,
} from '../support/server.ts'

const namespace = 'velero'

/** Installs and starts a server whose location, called `location`, is looked through each second. */
async function openSite(
  { kube, kubeconfigPath }: TestCluster,
  { s3, location }: { s3: S3Server; location: string },
): Promise<ServerProcess> {
  await installKinds(kube)
  await make(kube, Namespaces, { name: namespace })
  await makeKeys(kube, namespace, s3)
  const server = startServer({ kubeconfigPath, namespace })
  const spec = { default: true, backupSyncPeriod: '1s' }
  await makeS3Location(kube, namespace, { s3, prefix: 'shared', name: location, spec })
  await locationSays(kube, namespace, { name: location, phase: 'Available' })
  return server
}

async function gone(kube: KubeClient, backup: string): Promise<void> {
  await eventually(async () => ((await kube.find(Backups, backup, { namespace })) === undefined ? true : undefined))
}

test('a backup made in one cluster appears in another, is restored there and deleted there, and disappears in the first', async () => {
  await using s3 = await s3Server('versitygw')
  await using a = await ownCluster()
  await using b = await ownCluster()
  await using inA = await openSite(a, { s3, location: 'default' })
  await using inB = await openSite(b, { s3, location: 'theirs' })
  const store = await openStore(s3.url.replace('/prefix?', '/shared?'), { env: s3.env })
  await using _store = { [Symbol.asyncDispose]: () => store.close() }

  await make(a.kube, Namespaces, { name: 'shop' })
  const at = { namespace: 'shop' }
  const labels = { app: 'web' }
  const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web' }] } }
  const spec = { replicas: 0, selector: { matchLabels: labels }, template }
  await make(a.kube, ConfigMaps, { ...at, name: 'prices', data: { apple: '3' } })
  await make(a.kube, Deployments, { ...at, name: 'web', spec })
  for (const name of ['first', 'second']) {
    await askForBackup(a.kube, namespace, { name, spec: { includedNamespaces: ['shop'] } })
    const { status } = await ended(a.kube, Backups, { name, namespace })
    assert.equal(status?.phase, 'Completed', JSON.stringify(status))
  }

  const seen = await eventually(() => b.kube.find(Backups, 'first', { namespace }))
  const made = await a.kube.get(Backups, 'first', { namespace })
  assert.deepEqual(seen.status, made.status)
  assert.deepEqual(seen.spec, { ...made.spec, storageLocation: 'theirs' })
  assert.equal(seen.metadata.labels?.['velero.io/storage-location'], 'theirs')

  await askForRestore(b.kube, namespace, { name: 'move', spec: { backupName: 'first' } })
  const { status } = await ended(b.kube, Restores, { name: 'move', namespace })
  // Each cluster has its own authority in every namespace, which is worth a warning.
  assert.deepEqual([status?.phase, status?.errors], ['Completed', undefined])
  assert.deepEqual((await b.kube.get(ConfigMaps, 'prices', at))['data'], { apple: '3' })
  const web = await eventually(() => b.kube.find(Deployments, 'web', at))
  assert.deepEqual((web['spec'] as { selector: object }).selector, { matchLabels: labels })

  await eventually(() => b.kube.find(Backups, 'second', { namespace }))
  await b.kube.create(DeleteBackupRequests, deletionRequest(seen, 'x'), { namespace })
  await gone(b.kube, 'first')
  assert.deepEqual(await Array.fromAsync(store.list(backupPrefix('first'))), [])
  assert.deepEqual(await Array.fromAsync(store.list('restores/')), [])
  await gone(a.kube, 'first')
  for (const { kube } of [a, b]) {
    const { items } = await kube.list(Backups, { namespace })
    assert.deepEqual(
      items.map(({ metadata }) => metadata.name),
      ['second'],
    )
  }
  await letRestoresGo(b.kube, namespace)
  await Promise.all([inA.end('SIGTERM'), inB.end('SIGTERM')])
})
