import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ownCluster, sharedCluster, testNamespace } from '../support/cluster.ts'
import { cli, scratchFolder, startCli, type CliResult } from '../support/cli.ts'
import { s3Server } from '../support/s3-server.ts'

const configMaps = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true }
const namespaces = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false }

test('with a server in the cluster the same commands go through custom resources', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using home = await testNamespace(kube)
  await using source = await testNamespace(kube)
  await using folder = await scratchFolder()
  const copy = `${source.name}-copy`
  const env = { KUBECONFIG: kubeconfigPath, VELERO_NAMESPACE: home.name }
  const run = (...args: string[]): Promise<CliResult> => cli(args, { env })
  const data = { apple: '0.40' }
  await kube.create(
    configMaps,
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'prices', namespace: source.name }, data },
    { namespace: source.name },
  )

  const installed = await run('install', '--crds-only')
  assert.equal(installed.code, 0, installed.stderr)
  // What the first one finds depends on the tests that were here before; the second one finds what the first has left.
  const again = await run('install', '--crds-only')
  assert.match(again.stdout, /backups\.velero\.io: unchanged\n(.*\n)+The custom resources are ready/, again.stderr)
  assert.match((await run('backup', 'get')).stderr, /^No backups in cluster https:/)
  const located = await run(
    'backup-location',
    'create',
    'default',
    '--provider',
    'lifeboat.dev/file',
    '--bucket',
    'b',
    '--config',
    `path=${join(folder.path, 'store')}`,
    '--default',
  )
  assert.equal(located.code, 0, located.stderr)
  assert.match(
    (await run('backup-location', 'create', 'other', '--provider', 'aws', '--bucket', 'b', '--default')).stderr,
    /"default" is the default location already/,
  )

  const server = startCli(['server', '--metrics-address', '127.0.0.1:0'], { env })
  try {
    await until(async () => / Available +/.test((await run('backup-location', 'get')).stdout))
    const created = await run('backup', 'create', 'monday', '--include-namespaces', source.name, '--wait')
    assert.equal(created.code, 0, created.stdout + created.stderr)
    assert.match(created.stdout, /^Backup monday: Completed, \d+ objects in cluster/)
    assert.match((await run('backup', 'get', '-o', 'wide')).stdout, /monday +Completed +0 +0 .* default /)
    assert.match((await run('backup', 'describe', 'monday', '--details')).stdout, new RegExp(`- ${source.name}/prices`))
    assert.match((await run('backup', 'logs', 'monday')).stdout, /level=info/)
    const file = join(folder.path, 'monday.tar.gz')
    assert.match((await run('backup', 'download', 'monday', '-o', file)).stdout, /saved to .*monday\.tar\.gz/)
    assert.match(
      (await run('backup', 'download', 'monday', '-o', file)).stderr,
      /exists; choose another with -o or overwrite it with --force/,
    )

    const planned = await run('restore', 'create', '--from-backup', 'monday', '--dry-run', '-o', 'json')
    assert.equal(planned.code, 0, planned.stderr)
    const { objects } = JSON.parse(planned.stdout) as { objects: { name: string; action: string; reason: string }[] }
    const { action, reason } = objects.find(({ name }) => name === 'prices') ?? {}
    assert.deepEqual([action, reason], ['skip', 'equal'])
    assert.match((await run('restore', 'get')).stderr, /^No restores/)

    const restored = await run(
      'restore',
      'create',
      'back',
      '--from-backup',
      'monday',
      '--namespace-mappings',
      `${source.name}:${copy}`,
      '--wait',
    )
    assert.equal(restored.code, 0, restored.stdout + restored.stderr)
    assert.deepEqual((await kube.get(configMaps, 'prices', { namespace: copy }))['data'], data)
    assert.match(
      (await run('restore', 'describe', 'back', '--details')).stdout,
      new RegExp(`- ${copy}/prices\\(created\\)`),
    )
    assert.match((await run('restore', 'logs', 'back')).stdout, /level=info/)

    const gone = await run('restore', 'delete', '--all', '--confirm')
    assert.match(gone.stdout, /^Request to delete restore "back" submitted/, gone.stderr)
    await until(async () => (await run('restore', 'get')).stderr.startsWith('No restores'))
    assert.deepEqual(await readdir(join(folder.path, 'store', 'restores')).catch(() => []), [])
    assert.deepEqual((await kube.get(configMaps, 'prices', { namespace: copy }))['data'], data)

    const refused = await run('backup', 'create', 'wrong', '--storage-location', 'nowhere', '--wait')
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /there is no BackupStorageLocation "nowhere" in namespace/)
    assert.equal((await run('restore', 'create', '--from-backup', 'tuesday')).code, 1)

    assert.match(
      (await run('backup', 'delete', 'monday', '--confirm')).stdout,
      /Request to delete backup "monday" submitted/,
    )
    await until(async () => !(await run('backup', 'get')).stdout.includes('monday'))
    assert.match((await run('restore', 'get')).stderr, /^No restores/)
  } finally {
    await kube.delete(namespaces, copy)
    server.child.kill('SIGTERM')
    const { code, stderr } = await server.ended
    assert.equal(code, 0, stderr)
  }
})

test('with a bucket behind the server, logs and archives come through links that the bucket signs', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  await using bucket = await s3Server('versitygw')
  const env = { KUBECONFIG: kubeconfigPath, VELERO_NAMESPACE: home.name }
  const run = (...args: string[]): Promise<CliResult> => cli(args, { env })
  const keys = `[default]\naws_access_key_id=${bucket.env.AWS_ACCESS_KEY_ID}\naws_secret_access_key=${bucket.env.AWS_SECRET_ACCESS_KEY}\n`
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'keys', namespace: home.name },
    stringData: { cloud: keys },
  }
  await kube.create({ ...configMaps, plural: 'secrets', kind: 'Secret' }, secret, { namespace: home.name })
  assert.equal((await run('install', '--crds-only')).code, 0)
  const config = `region=${bucket.region},s3ForcePathStyle=true,s3Url=${bucket.endpoint}`
  const located = await run(
    'backup-location',
    'create',
    'default',
    '--provider',
    'aws',
    '--bucket',
    bucket.bucket,
    '--prefix',
    'p',
    '--config',
    config,
    '--credential',
    'keys=cloud',
    '--default',
  )
  assert.equal(located.code, 0, located.stderr)

  const server = startCli(['server', '--metrics-address', '127.0.0.1:0'], { env })
  try {
    await until(async () => / Available +/.test((await run('backup-location', 'get')).stdout))
    const created = await run('backup', 'create', 'monday', '--include-namespaces', home.name, '--wait')
    assert.equal(created.code, 0, created.stdout + created.stderr)
    assert.match((await run('backup', 'logs', 'monday')).stdout, /level=info/)
    const file = join(folder.path, 'monday.tar.gz')
    assert.equal((await run('backup', 'download', 'monday', '-o', file)).code, 0)
    const store = `s3://${bucket.bucket}/p?endpoint=${encodeURIComponent(bucket.endpoint)}&region=${bucket.region}`
    const got = await cli(['--store', store, 'backup', 'get', 'monday'], { env: bucket.env })
    assert.match(got.stdout, /monday +Completed/)
  } finally {
    server.child.kill('SIGTERM')
    assert.equal((await server.ended).code, 0)
  }
})

test('a cluster without the custom resources is told apart from one without backups, and the server does not start there', async () => {
  await using cluster = await ownCluster()
  const env = { KUBECONFIG: cluster.kubeconfigPath }
  const got = await cli(['backup', 'get'], { env })
  assert.equal(got.code, 1)
  assert.match(
    got.stderr,
    /does not know backups\.velero\.io: Lifeboat is not installed \(lifeboat install --crds-only\), or work without installation: --store URL/,
  )
  const server = await cli(['server', '--metrics-address', '127.0.0.1:0'], { env })
  assert.equal(server.code, 1)
  assert.match(server.stderr, /does not know .*backups\.velero\.io.*; run: lifeboat install --crds-only/)
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('waited a minute in vain')
    await sleep(200)
  }
}
