// `lifeboat doctor`, as a person or a script uses it: on a store alone, and on a cluster with its locations.
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { BackupRepositories } from '#api/backup-repository.ts'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Schedules } from '#api/schedule.ts'
import { cli, scratchFolder, type CliResult } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make, Secrets } from '../support/objects.ts'
import { installKinds, makeLocation } from '../support/server.ts'

const { kube, kubeconfigPath } = await sharedCluster()
const home = await testNamespace(kube)
const shop = await testNamespace(kube)
const bare = await testNamespace(kube)
const folder = await scratchFolder()
const store = join(folder.path, 'store')
const env = { KUBECONFIG: kubeconfigPath, VELERO_NAMESPACE: home.name }
const run = (...args: string[]): Promise<CliResult> => cli(args, { env })

interface Report {
  stores: { place: string; backups: number; restorable: number; verifiedObjects: number }[]
  cluster?: string
  namespaces: { namespace: string; backup: string }[]
  findings: { severity: string; problem: string; subject: string; message: string; next: string }[]
}

before(async () => {
  await installKinds(kube)
  await make(kube, ConfigMaps, { name: 'prices', namespace: shop.name })
  await make(kube, Secrets, { name: 'till', namespace: shop.name, stringData: { key: 'x' } })
  for (const name of ['first', 'second']) {
    const made = await run('backup', 'create', name, '--include-namespaces', shop.name, '--store', store)
    assert.equal(made.code, 0, made.stderr)
  }
})
after(async () => {
  for (const one of [home, shop, bare, folder]) await one[Symbol.asyncDispose]()
  await kube.close()
})

test('a sound store has notes only, and ends with 0; every object is compared with the manifests', async () => {
  const { code, stdout, stderr } = await run('doctor', '--store', store, '--deep')
  assert.equal(code, 0, stderr)
  assert.match(
    stdout,
    /^note: store .*: backup second holds \d+ Secrets as plain text, and so it is in 1 other\n {4}\S/m,
  )
  assert.match(
    stdout,
    new RegExp(`^NAMESPACE +LAST GOOD BACKUP +COMPLETED +AGE\\n${shop.name} +second +20\\S+Z +\\d+`, 'm'),
  )
  assert.match(stdout, /: 2 backups, 2 of them can be restored, \d+ objects as their manifests say$/m)
  assert.match(stdout, /^note: store .*: a directory keeps no versions and has no locks/m)
  assert.match(stdout, /^0 critical, no warnings, 2 notes$/m)
})

test('damage is found, told with what to do next, and ends with 5', async () => {
  await writeFile(join(store, 'backups/second/second-logs.gz'), 'nothing like a log')
  const shallow = await run('doctor', '--store', store)
  assert.equal(shallow.code, 0, 'nobody looks into a log that need not be read')
  const deep = await run('doctor', '--store', store, '--deep')
  assert.equal(deep.code, 5)
  assert.match(deep.stdout, /^warning: backup second: logs: it is not what the manifest says$/m)

  await rm(join(store, 'backups/second/second.tar.gz'))
  const gone = await run('doctor', '--store', store, '-o', 'json')
  assert.equal(gone.code, 5, gone.stderr)
  const report = JSON.parse(gone.stdout) as Report
  assert.equal(report.cluster, undefined)
  assert.partialDeepStrictEqual(report.stores, [{ backups: 2, restorable: 1 }])
  assert.partialDeepStrictEqual(report.namespaces, [{ namespace: shop.name, backup: 'first' }])
  assert.partialDeepStrictEqual(report.findings[0], {
    severity: 'critical',
    problem: 'archive-missing',
    subject: 'backup second',
    message: 'second.tar.gz is missing; it cannot be restored',
  })
})

test('with a cluster, its locations, namespaces and schedules are looked at too', async () => {
  const namespace = home.name
  await makeLocation(kube, namespace, { path: store })
  await makeLocation(kube, namespace, { name: 'lost', path: join(folder.path, 'nowhere/at/all') })
  const status = { phase: 'Unavailable', message: 'there is no such directory' }
  await kube.patch(BackupStorageLocations, 'lost', { merge: { status } }, { namespace })
  await make(kube, Schedules, { name: 'nightly', namespace, spec: { schedule: '@daily', paused: true, template: {} } })
  const repository = { volumeNamespace: 'shop', backupStorageLocation: 'default', maintenanceFrequency: '1h0m0s' }
  await make(kube, BackupRepositories, {
    name: 'shop-default-kopia',
    namespace,
    spec: { ...repository, repositoryType: 'kopia' },
    status: { phase: 'NotReady', message: 'wrong password' },
  })
  const recentMaintenance = [{ result: 'Failed', startTimestamp: '2026-01-02T00:00:00Z', message: 'evicted' }]
  await make(kube, BackupRepositories, {
    name: 'bank-default-kopia',
    namespace,
    spec: { ...repository, volumeNamespace: 'bank' },
    status: { phase: 'Ready', lastMaintenanceTime: '2026-01-01T00:00:00Z', recentMaintenance },
  })
  const { code, stdout, stderr } = await run('doctor', '-o', 'json', '--max-age', '0s')
  assert.equal(code, 5, stderr)
  const report = JSON.parse(stdout) as Report
  const told = report.findings.map(({ problem, subject }) => `${problem} ${subject}`)
  for (const wanted of [
    `namespace-without-backup namespace ${bare.name}`,
    `namespace-backup-old namespace ${shop.name}`,
    'location-unavailable location lost',
    'schedule-idle schedule nightly',
    'repository-not-ready repository shop-default-kopia',
    'repository-maintenance-failed repository bank-default-kopia',
  ])
    assert.ok(told.includes(wanted), `${wanted} is not among ${told.join(', ')}`)
  assert.ok(!told.includes(`namespace-without-backup namespace ${home.name}`), "the server's own needs none")
  assert.equal(report.cluster, kube.server)
  assert.deepEqual(report.stores.map(({ place }) => place).toSorted(), ['location default', 'location lost'])
})

test('a store that is not there is no empty store', async () => {
  const { code, stderr } = await run('doctor', '--store', join(folder.path, 'nowhere'))
  assert.equal(code, 1)
  assert.match(stderr, /nowhere/)
  assert.equal((await run('doctor', '--store', store, '--max-age', '-1h')).code, 2)
})
