// Resource policies and snapshot locations as the server takes them from custom resources and ConfigMaps.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Backups, type Backup, type BackupSpec } from '#api/backup.ts'
import { VolumeSnapshotLocations } from '#api/volume-snapshot-location.ts'
import { scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make } from '../support/objects.ts'
import { askForBackup, ended, installKinds, makeLocation, startServer } from '../support/server.ts'

const { kube, kubeconfigPath } = await sharedCluster()
before(() => installKinds(kube))
after(() => kube.close())

test('a backup gets one snapshot location for each provider, and is refused when its policies or locations cannot be', async () => {
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  const args = ['--default-volume-snapshot-locations', 'example.com/disk:east']
  await using _server = startServer({ kubeconfigPath, namespace, args })
  await makeLocation(kube, namespace, { path: join(folder.path, 'store') })
  for (const [name, provider] of [
    ['east', 'example.com/disk'],
    ['west', 'example.com/disk'],
    ['only', 'example.com/tape'],
  ] as const) {
    await make(kube, VolumeSnapshotLocations, { namespace, name, spec: { provider } })
  }
  const wrong = 'version: v1\nvolumePolicies: [{conditions: {size: 1}, action: {type: skip}}]'
  await make(kube, ConfigMaps, { namespace, name: 'wrong', data: { policies: wrong } })
  const leaveOut = 'version: v1\nincludeExcludePolicy: {excludedNamespaceScopedResources: [configmaps]}'
  await make(kube, ConfigMaps, { namespace, name: 'leave-out', data: { policies: leaveOut } })

  const made = async (name: string, spec: BackupSpec): Promise<Backup> => {
    await askForBackup(kube, namespace, { name, spec: { includedNamespaces: [namespace], ...spec } })
    return await ended(kube, Backups, { name, namespace })
  }
  const withPolicy = (name: string): BackupSpec => ({ resourcePolicy: { kind: 'configmap', name } })

  const good = await made('good', withPolicy('leave-out'))
  assert.equal(good.status?.phase, 'Completed', JSON.stringify(good.status))
  assert.deepEqual(good.spec.volumeSnapshotLocations, ['east', 'only'])
  const plain = await made('plain', { volumeSnapshotLocations: ['west'] })
  assert.deepEqual(plain.spec.volumeSnapshotLocations, ['west', 'only'])
  // The policy leaves out three ConfigMaps at least: the two above and the certificate of each namespace.
  const [less = 0, all = 0] = [good, plain].map(({ status }) => status?.progress?.itemsBackedUp)
  assert.ok(less > 0 && all >= less + 3, `${less} of ${all}`)

  for (const [name, spec, reason] of [
    ['r1', withPolicy('gone'), new RegExp(`ConfigMap ${namespace}/gone does not exist`)],
    ['r2', withPolicy('wrong'), /volumePolicies\[0\]\.conditions: unknown key size/],
    ['r3', { volumeSnapshotLocations: ['east', 'west'] }, /east and west have the same provider/],
    ['r4', { volumeSnapshotLocations: ['north'] }, /volume snapshot location "north" not found/],
  ] as const) {
    const { status } = await made(name, spec as BackupSpec)
    assert.equal(status?.phase, 'FailedValidation')
    assert.match((status?.validationErrors ?? []).join(), reason)
  }
})
