// The commands for locations, as a person uses them. No server runs here: they only write custom resources.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { BackupRepositories, type BackupRepository } from '#api/backup-repository.ts'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups, type Backup } from '#api/backup.ts'
import { VolumeSnapshotLocations } from '#api/volume-snapshot-location.ts'
import { cli, scratchFolder, type CliResult } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { installKinds } from '../support/server.ts'

const { kube, kubeconfigPath } = await sharedCluster()
before(() => installKinds(kube))
after(() => kube.close())

type Run = (line: string) => Promise<CliResult>

/** Runs lines of words without spaces in them. */
function runner(namespace: string, cwd = '/'): Run {
  const env = { KUBECONFIG: kubeconfigPath, VELERO_NAMESPACE: namespace }
  return (line) => cli(line.split(' '), { env, cwd })
}

async function done(result: Promise<CliResult>): Promise<string> {
  const { code, stdout, stderr } = await result
  assert.equal(code, 0, stdout + stderr)
  return stdout
}

async function refused(result: Promise<CliResult>, words: RegExp, exitCode = 1): Promise<void> {
  const { code, stdout, stderr } = await result
  assert.equal(code, exitCode, stdout + stderr)
  assert.match(stderr, words)
}

test('a location is made with everything Velero can say, changed piece by piece and listed', async () => {
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  const run = runner(namespace, folder.path)
  await writeFile(join(folder.path, 'ca.pem'), 'the authority')
  const create = 'backup-location create main --provider aws --bucket b --prefix p/q --default --labels team=a'
  const more = '--credential cloud=key --cacert ca.pem --access-mode ReadOnly --config region=r,s3Url=http://s:1'
  await done(run(`${create} ${more} --backup-sync-period 0 --validation-frequency 5m`))
  const made = await kube.get(BackupStorageLocations, 'main', { namespace })
  const caCert = Buffer.from('the authority').toString('base64')
  assert.deepEqual(made.spec, {
    provider: 'aws',
    objectStorage: { bucket: 'b', prefix: 'p/q', caCert },
    config: { region: 'r', s3Url: 'http://s:1' },
    credential: { name: 'cloud', key: 'key' },
    default: true,
    accessMode: 'ReadOnly',
    backupSyncPeriod: '0',
    validationFrequency: '5m',
  })
  assert.deepEqual(made.metadata.labels, { team: 'a' })

  // Verb first, and without periods: the server's own count then.
  await done(run('create backup-location spare --provider aws --bucket c'))
  const spare = await kube.get(BackupStorageLocations, 'spare', { namespace })
  assert.deepEqual(spare.spec, {
    provider: 'aws',
    objectStorage: { bucket: 'c' },
    default: false,
    accessMode: 'ReadWrite',
  })

  await done(run('backup-location set main --access-mode ReadWrite --credential other=key'))
  const changed = await kube.get(BackupStorageLocations, 'main', { namespace })
  assert.deepEqual(changed.spec, { ...made.spec, accessMode: 'ReadWrite', credential: { name: 'other', key: 'key' } })
  await done(run('backup-location set main --cacert= --default=false'))
  const bare = await kube.get(BackupStorageLocations, 'main', { namespace })
  assert.equal(bare.spec.objectStorage.caCert, undefined)
  assert.equal(bare.spec.default, false)
  await done(run('backup-location set spare --default'))

  const table = await done(run('get backup-locations'))
  assert.match(table, /^NAME +PROVIDER +BUCKET\/PREFIX +PHASE +LAST VALIDATED +ACCESS MODE +DEFAULT\n/)
  assert.match(table, /\nmain +aws +b\/p\/q +Unknown +Unknown +ReadWrite *\n/)
  assert.match(await done(run('backup-location get --default')), /^NAME.*\nspare [^\n]*true *\n$/)
  assert.match(await done(run('backup-location get -l team=a -o json')), /"name": "main"/)
})

test('what cannot be is refused with a sentence, and nothing is written', async () => {
  await using home = await testNamespace(kube)
  const namespace = home.name
  const run = runner(namespace)
  await done(run('backup-location create one --provider aws --bucket b --default'))
  const taken = /"one" is the default location already; .*backup-location set one --default=false/
  await refused(run('backup-location create two --provider aws --bucket b --default'), taken)
  await refused(run('backup-location create two --provider aws'), /--bucket is needed/, 2)
  await refused(run('backup-location create two --bucket b'), /--provider is needed/, 2)
  const two = 'backup-location create two --provider aws --bucket b'
  await refused(run(`${two} --backup-sync-period -1m`), /cannot be negative/, 2)
  await refused(run(`${two} --credential a=b,c=d`), /takes one SECRET=KEY/, 2)
  await refused(run(`${two} --access-mode WriteOnly`), /must be one of ReadWrite, ReadOnly/, 2)
  await refused(run(`${two} --cacert /not/there`), /cannot read --cacert: .*\/not\/there/)
  await refused(run('backup-location set one'), /say what to change/, 2)
  await refused(run('backup-location set absent --access-mode ReadOnly'), /"absent" not found/)
  await refused(run('backup-location delete'), /say which: names, --all, or --selector/, 2)
  await refused(run('backup-location delete one'), /add --confirm/)
  await refused(run('backup-location delete one absent --confirm'), /"absent" not found/)
  await refused(run('snapshot-location create s'), /--provider is needed/, 2)
  await refused(run('snapshot-location set s'), /say what to change/, 2)
  const { items } = await kube.list(BackupStorageLocations, { namespace })
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ['one'],
  )
  // `-o` shows what would be sent.
  assert.match(await done(run(`${two} -o yaml`)), /kind: BackupStorageLocation\n/)
  assert.equal((await kube.list(BackupStorageLocations, { namespace })).items.length, 1)
})

test('deleting a location takes its Backups and BackupRepositories from the cluster, and nobody else', async () => {
  await using home = await testNamespace(kube)
  const namespace = home.name
  const run = runner(namespace)
  for (const name of ['gone', 'kept']) {
    await done(run(`backup-location create ${name} --provider aws --bucket b --labels of=${name}`))
    const backup: Backup = {
      apiVersion: 'velero.io/v1',
      kind: 'Backup',
      metadata: { name: `in-${name}` },
      spec: { storageLocation: name },
      status: { phase: 'Completed' },
    }
    await kube.create(Backups, backup, { namespace })
    const repository: BackupRepository = {
      apiVersion: 'velero.io/v1',
      kind: 'BackupRepository',
      metadata: { name: `shop-${name}-kopia` },
      spec: { volumeNamespace: 'shop', backupStorageLocation: name, maintenanceFrequency: '1h0m0s' },
    }
    await kube.create(BackupRepositories, repository, { namespace })
  }
  const said = await done(run('delete backup-location -l of=gone --confirm'))
  assert.match(said, /"gone" deleted successfully, with 1 Backup object and 1 BackupRepository object/)
  const names = async (type: typeof Backups | typeof BackupRepositories | typeof BackupStorageLocations) =>
    (await kube.list<{ metadata: { name: string } }>(type, { namespace })).items.map(({ metadata }) => metadata.name)
  assert.deepEqual(await names(BackupStorageLocations), ['kept'])
  assert.deepEqual(await names(Backups), ['in-kept'])
  assert.deepEqual(await names(BackupRepositories), ['shop-kept-kopia'])
  await done(run('backup-location delete --all --confirm'))
  assert.match(await done(run('backup-location delete --all --confirm')), /^No backup storage locations found/)
})

test('snapshot locations are made, listed and given other credentials', async () => {
  await using home = await testNamespace(kube)
  const namespace = home.name
  const run = runner(namespace)
  assert.match((await run('get snapshot-locations')).stderr, /^No snapshot locations in namespace/)
  await done(run('snapshot-location create ebs --provider aws --config region=eu-west-1 --labels a=b'))
  await done(run('create snapshot-location other --provider gcp'))
  await done(run('snapshot-location set ebs --credential cloud=key'))
  const { spec } = await kube.get(VolumeSnapshotLocations, 'ebs', { namespace })
  const credential = { name: 'cloud', key: 'key' }
  assert.deepEqual(spec, { provider: 'aws', config: { region: 'eu-west-1' }, credential })
  assert.match(await done(run('snapshot-location get')), /^NAME +PROVIDER *\nebs +aws *\nother +gcp *\n$/)
  assert.match(await done(run('snapshot-location get other')), /\nother +gcp *\n$/)
})
