// What real Velero left in its buckets becomes the objects that real Velero had in its cluster.
import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Backups, type Backup } from '#api/backup.ts'
import { PodVolumeBackups, type PodVolumeBackup } from '#api/pod-volume-backup.ts'
import { encodeJsonGz } from '#archive/json-gz.ts'
import { backupKey } from '#store/layout.ts'
import { sharedCluster } from '../support/cluster.ts'
import { locationBench } from '../support/location-bench.ts'
import { installKinds } from '../support/server.ts'

const { kube } = await sharedCluster()
before(() => installKinds(kube))
after(() => kube.close())

const scenarios = fileURLToPath(new URL('golden/scenarios', import.meta.url))

async function recorded<T>(...path: string[]): Promise<T> {
  return JSON.parse(await readFile(join(scenarios, ...path), 'utf8')) as T
}

test('every backup in the recorded buckets appears as Velero itself had it', async () => {
  await using it = await locationBench(kube)
  const markers = globSync('*/bucket/backups/*/velero-backup.json', { cwd: scenarios })
  const names = markers.map((path) => basename(dirname(path)))
  for (const path of markers) {
    await it.store.put(backupKey(basename(dirname(path)), 'metadata'), await readFile(join(scenarios, path)))
  }
  const { status } = await it.pass()
  assert.equal(status?.message ?? '', '')
  assert.deepEqual(await it.names(), names.toSorted())

  const inCluster = globSync('*/backup.json', { cwd: scenarios })
  assert.ok(inCluster.length > 10)
  for (const path of inCluster) {
    const was = await recorded<Backup>(path)
    if (!names.includes(was.metadata.name)) continue
    const is = await kube.get(Backups, was.metadata.name, { namespace: it.namespace })
    assert.deepEqual(is.status, was.status)
    assert.deepEqual(is.spec, { ...was.spec, storageLocation: 'here' })
    assert.deepEqual(is.metadata.labels, { ...was.metadata.labels, 'velero.io/storage-location': 'here' })
    assert.deepEqual(is.metadata.annotations, was.metadata.annotations)
  }
})

test('and so do the PodVolumeBackups of a backup', async () => {
  await using it = await locationBench(kube)
  const name = 'c01-fs-backup'
  const marker = join(scenarios, name, 'bucket/backups', name, 'velero-backup.json')
  const { items } = await recorded<{ items: PodVolumeBackup[] }>(name, 'crs/podvolumebackups.json')
  const own = items.filter(({ metadata }) => metadata.labels?.['velero.io/backup-name'] === name)
  assert.ok(own.length > 1)
  // Velero's lists lose apiVersion and kind.
  const stored = own.map(({ metadata, spec, status }) => ({ metadata, spec, status }))
  await it.store.put(backupKey(name, 'metadata'), await readFile(marker))
  await it.store.put(backupKey(name, 'pod-volume-backups'), await encodeJsonGz(stored))
  await it.pass()
  const { uid } = (await kube.get(Backups, name, { namespace: it.namespace })).metadata
  for (const was of own) {
    const is = await kube.get(PodVolumeBackups, was.metadata.name, { namespace: it.namespace })
    assert.deepEqual(is.spec, { ...was.spec, backupStorageLocation: 'here' })
    assert.deepEqual(is.status, was.status)
    assert.deepEqual(is.metadata.labels, { ...was.metadata.labels, 'velero.io/backup-uid': uid })
    assert.deepEqual(
      is.metadata.ownerReferences,
      was.metadata.ownerReferences?.map((owner) => ({ ...owner, uid })),
    )
  }
})
