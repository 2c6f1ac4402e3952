// Files of backups reach the command line through links into a bucket with an authority of its own.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { DownloadRequests } from '#api/download-request.ts'
import type { KubeClient } from '#kube/client.ts'
import { cli, scratchFolder, startCli, type CliResult } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { make, Secrets } from '../support/objects.ts'
import { s3Server, type S3Server } from '../support/s3-server.ts'
import { eventually, installKinds, makeLocation, startServer } from '../support/server.ts'

let kube: KubeClient
let kubeconfigPath: string
let bucket: S3Server
const Backups = { ...BackupStorageLocations, plural: 'backups', kind: 'Backup' }
before(async () => {
  ;({ kube, kubeconfigPath } = await sharedCluster())
  bucket = await s3Server('versitygw', { tls: true })
  await installKinds(kube)
})
after(async () => {
  await bucket[Symbol.asyncDispose]()
  await kube.close()
})

/** A server whose location trusts the bucket, and one backup in it. */
async function backedUp(namespace: string): Promise<AsyncDisposable> {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = bucket.env
  const cloud = `[default]\naws_access_key_id=${id}\naws_secret_access_key=${secret}\n`
  await make(kube, Secrets, { namespace, name: 'keys', stringData: { cloud } })
  const caCert = Buffer.from(bucket.authority).toString('base64')
  const spec = {
    provider: 'aws',
    objectStorage: { bucket: bucket.bucket, prefix: namespace, caCert },
    config: { region: bucket.region, s3Url: bucket.endpoint, s3ForcePathStyle: 'true' },
    credential: { name: 'keys', key: 'cloud' },
    default: true,
  }
  await makeLocation(kube, namespace, { path: '', spec })
  return startServer({ kubeconfigPath, namespace })
}

test('the authority of the location is trusted; --cacert takes its place, and --insecure-skip-tls-verify needs none', async () => {
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  await using _server = await backedUp(namespace)
  const run = (...args: string[]): Promise<CliResult> =>
    cli(['backup', ...args, '--namespace', namespace], { env: { KUBECONFIG: kubeconfigPath }, cwd: folder.path })
  const made = await run('create', 'monday', '--include-namespaces', namespace, '--wait')
  assert.equal(made.code, 0, made.stdout + made.stderr)

  assert.match((await run('logs', 'monday')).stdout, /level=info/)
  assert.match((await run('describe', 'monday', '--details')).stdout, /^ {2}v1\/ConfigMap:$/m)
  await writeFile(join(folder.path, 'authority.pem'), bucket.authority)
  await forgetAuthority(kube, namespace)

  const refused = await run('logs', 'monday')
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /certificate that is not trusted.*--cacert FILE, or --insecure-skip-tls-verify/)
  const described = await run('describe', 'monday', '--details')
  assert.equal(described.code, 0)
  assert.match(described.stdout, /^Resource List: +<not found>$/m)
  assert.match(described.stderr, /The files of backup monday could not be read: .*not trusted/)
  for (const way of [['--cacert', 'authority.pem'], ['--insecure-skip-tls-verify']]) {
    assert.match((await run('logs', 'monday', ...way)).stdout, /level=info/)
    const file = `${way.length}.tar.gz`
    const saved = await run('download', 'monday', '-o', file, ...way)
    assert.equal(saved.code, 0, saved.stderr)
  }
  const unreadable = await run('logs', 'monday', '--cacert', 'no-such-file')
  assert.match(unreadable.stderr, /cannot read the certificates of --cacert: .*no-such-file/)
  assert.equal(unreadable.code, 1)
})

test('a server that does not answer is waited for as long as --timeout says', async () => {
  await using home = await testNamespace(kube)
  const namespace = home.name
  const status = { phase: 'Completed', startTimestamp: '2026-01-01T00:00:00Z' }
  await make(kube, Backups, { namespace, name: 'old', spec: {}, status })
  const args = ['backup', 'logs', 'old', '--namespace', namespace, '--timeout', '1s']
  const { code, stderr } = await cli(args, { env: { KUBECONFIG: kubeconfigPath } })
  assert.equal(code, 1)
  assert.match(stderr, /did not answer .* within 1 s; is it running in namespace/)
})

test('a server that knows no way through the API server is asked for its link alone, and named where that is not wanted', async () => {
  await using home = await testNamespace(kube)
  const namespace = home.name
  const status = { phase: 'Completed', startTimestamp: '2026-01-01T00:00:00Z' }
  await make(kube, Backups, { namespace, name: 'old', spec: {}, status })
  for (const [via, words] of [
    ['api-server', /server in namespace \S+ is not Lifeboat's, or too old: .* --download-via link$/m],
    ['auto', /^error: cannot reach 127\.0\.0\.1:1, which the server named for the download/],
  ] as const) {
    const asking = startCli(['backup', 'logs', 'old', '--namespace', namespace, '--download-via', via], {
      env: { KUBECONFIG: kubeconfigPath },
    })
    const asked = await eventually(async () => (await kube.list(DownloadRequests, { namespace })).items[0], 60)
    // As Velero's server answers.
    const answer = { status: { phase: 'Processed', downloadURL: 'http://127.0.0.1:1/?signature=x' } }
    await kube.patch(DownloadRequests, asked.metadata.name, { merge: answer }, { namespace })
    const { code, stderr } = await asking.ended
    assert.equal(code, 1)
    assert.match(stderr, words)
  }
})

test('the configuration of the client says how files come, unless a flag does; what makes no sense is named', async () => {
  await using folder = await scratchFolder()
  const env = { KUBECONFIG: kubeconfigPath, HOME: folder.path }
  assert.equal((await cli(['client', 'config', 'set', 'download-via=pigeon'], { env })).code, 0)
  const { code, stderr } = await cli(['backup', 'get'], { env })
  assert.equal(code, 2)
  assert.match(stderr, /download-via of the client configuration must be one of auto, api-server, link, not "pigeon"/)
  assert.match((await cli(['backup', 'logs', 'a', '--download-via', 'link'], { env })).stderr, /"a"/)
})

/** From now on the location says nothing of an authority. The server has no reason to look at the bucket again meanwhile. */
async function forgetAuthority(kube: KubeClient, namespace: string): Promise<void> {
  const objectStorage = { caCert: null }
  await kube.patch(BackupStorageLocations, 'default', { merge: { spec: { objectStorage } } }, { namespace })
  await eventually(async () => {
    const { spec } = await kube.get(BackupStorageLocations, 'default', { namespace })
    return spec.objectStorage.caCert === undefined || undefined
  })
}
