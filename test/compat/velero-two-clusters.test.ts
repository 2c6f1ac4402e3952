// Two clusters on one bucket, real Velero in one and our server in the other: what either makes the other one sees, restores and deletes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups } from '#api/backup.ts'
import { DeleteBackupRequests } from '#api/delete-backup-request.ts'
import { Restores } from '#api/restore.ts'
import { deletionRequest } from '#backup/deletion-request.ts'
import type { KubeClient } from '#kube/client.ts'
import { backupPrefix } from '#store/layout.ts'
import { serverNamespace as namespace } from '../../bench/installation.ts'
import { ownCluster, type TestCluster } from '../support/cluster.ts'
import { ConfigMaps, make, Namespaces } from '../support/objects.ts'
import { locationSays, makeKeys, makeS3Location } from '../support/s3-location.ts'
import {
  askForBackup,
  askForRestore,
  ended,
  eventually,
  installKinds,
  startServer,
  type ServerProcess,
} from '../support/server.ts'
import { openPlaces, openSite, veleroTimeout, type Places } from './velero-site.ts'

const eachSecond = { backupSyncPeriod: '1s' }

/** Our server on the bucket and the prefix of Velero. */
async function openOurs({ kube, kubeconfigPath }: TestCluster, { s3 }: Places): Promise<ServerProcess> {
  await installKinds(kube)
  await make(kube, Namespaces, { name: namespace })
  await makeKeys(kube, namespace, s3)
  const server = startServer({ kubeconfigPath, namespace })
  await makeS3Location(kube, namespace, {
    s3,
    prefix: 'velero',
    name: 'shared',
    spec: { default: true, ...eachSecond },
  })
  await locationSays(kube, namespace, { name: 'shared', phase: 'Available' })
  return server
}

async function furnish(kube: KubeClient, name: string): Promise<void> {
  await make(kube, Namespaces, { name })
  await make(kube, ConfigMaps, { name: 'prices', namespace: name, data: { made: `in ${name}` } })
}

async function pricesIn(kube: KubeClient, name: string): Promise<unknown> {
  return (await kube.get(ConfigMaps, 'prices', { namespace: name }))['data']
}

async function gone(kube: KubeClient, backup: string, seconds?: number): Promise<void> {
  const isGone = async (): Promise<true | undefined> =>
    (await kube.find(Backups, backup, { namespace })) === undefined ? true : undefined
  await eventually(isGone, seconds)
}

test(
  'a backup of either appears in the other cluster, is restored and deleted there, and disappears in its own',
  { timeout: veleroTimeout },
  async (t) => {
    await using places = await openPlaces()
    await using theirs = await ownCluster()
    await using ours = await ownCluster()
    await using server = await openOurs(ours, places)
    const { velero: store } = places.stores
    await furnish(theirs.kube, 'orchard')
    await furnish(ours.kube, 'harbor')
    await askForBackup(ours.kube, namespace, { name: 'from-us', spec: { includedNamespaces: ['harbor'] } })
    assert.equal((await ended(ours.kube, Backups, { name: 'from-us', namespace })).status?.phase, 'Completed')

    // It looks into the bucket when it starts, and then, however short the period, once a minute.
    await using velero = await openSite(theirs, { places, maker: 'velero', restarted: true, signal: t.signal })
    await theirs.kube.patch(BackupStorageLocations, 'default', { merge: { spec: eachSecond } }, { namespace })
    await velero.backUp('from-velero', ['--include-namespaces', 'orchard'])

    await t.test("Velero's backup appears in our cluster, is restored and deleted there", async () => {
      const seen = await eventually(() => ours.kube.find(Backups, 'from-velero', { namespace }))
      const made = await theirs.kube.get(Backups, 'from-velero', { namespace })
      assert.deepEqual(seen.status, made.status)
      assert.deepEqual(seen.spec, { ...made.spec, storageLocation: 'shared' })
      await askForRestore(ours.kube, namespace, { name: 'here', spec: { backupName: 'from-velero' } })
      const { status } = await ended(ours.kube, Restores, { name: 'here', namespace })
      // Each cluster has its own authority in every namespace, which is worth a warning.
      assert.deepEqual([status?.phase, status?.errors], ['Completed', undefined])
      assert.deepEqual(await pricesIn(ours.kube, 'orchard'), { made: 'in orchard' })
      await ours.kube.create(DeleteBackupRequests, deletionRequest(seen, 'x'), { namespace })
      await gone(ours.kube, 'from-velero')
      assert.deepEqual(await Array.fromAsync(store.list(backupPrefix('from-velero'))), [])
    })
    await t.test("our backup appears in Velero's cluster, is restored and deleted there", async () => {
      const seen = await velero.knows('from-us')
      const made = await ours.kube.get(Backups, 'from-us', { namespace })
      assert.deepEqual(seen.status, made.status)
      const { status } = await velero.restore('there', 'from-us')
      assert.deepEqual([status?.phase, status?.errors], ['Completed', undefined])
      assert.deepEqual(await pricesIn(theirs.kube, 'harbor'), { made: 'in harbor' })
      await velero.velero('backup', 'delete', 'from-us', '--confirm')
      await gone(theirs.kube, 'from-us')
      assert.deepEqual(await Array.fromAsync(store.list(backupPrefix('from-us'))), [])
    })
    await t.test('our server forgets what Velero has deleted', () => gone(ours.kube, 'from-us'))
    await t.test('Velero forgets what our server has deleted', () => gone(theirs.kube, 'from-velero', 150))
    await server.end('SIGTERM')
  },
)
