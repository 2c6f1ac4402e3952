// `lifeboat volume list`, as a person or a script uses it, through either door.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { cli, scratchFolder, type CliResult } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { deleteVolumes, makeEbsClaim, makeSnapshotLocation } from '../support/ebs-site.ts'
import { ec2Env, ec2Server } from '../support/moto.ts'
import { Claims, make } from '../support/objects.ts'
import { askForBackup, ended, installKinds, makeLocation, startServer } from '../support/server.ts'
import { Backups } from '#api/backup.ts'
import { boundClaim } from '../support/volumes.ts'

const { kube, kubeconfigPath } = await sharedCluster()
const stack = new AsyncDisposableStack()
const server = stack.use(await testNamespace(kube)).name
const shop = stack.use(await testNamespace(kube)).name
const bare = stack.use(await testNamespace(kube)).name
const folder = stack.use(await scratchFolder())
const store = join(folder.path, 'store')
const env = { KUBECONFIG: kubeconfigPath, VELERO_NAMESPACE: server }
let aws: Record<string, string>
const run = (...args: string[]): Promise<CliResult> => cli(args, { env: { ...env, ...aws } })

before(async () => {
  await installKinds(kube)
  const ec2 = stack.use(await ec2Server())
  aws = { ...ec2Env, AWS_ENDPOINT_URL_EC2: ec2.endpoint }
  await makeSnapshotLocation(kube, server)
  stack.defer(() => deleteVolumes(kube, [`${shop}-data`, `${bare}-new`]))
  await makeEbsClaim(kube, { namespace: shop, name: 'data', volumeId: await ec2.makeVolume() })
  await makeEbsClaim(kube, { namespace: bare, name: 'new', volumeId: await ec2.makeVolume() })
  stack.use(await boundClaim(kube, { namespace: shop, name: 'scratch' }))
  const spec = { accessModes: ['ReadWriteOnce'], storageClassName: 'slow', resources: { requests: { storage: '2Gi' } } }
  await make(kube, Claims, { namespace: shop, name: 'pending', metadata: { labels: { app: 'a' } }, spec })
  for (const name of ['first', 'second']) {
    const made = await run('backup', 'create', name, '--include-namespaces', shop, '--store', store)
    assert.equal(made.code, 0, made.stderr + made.stdout)
  }
})
after(async () => {
  await stack.disposeAsync()
  await kube.close()
})

interface Listed {
  items: { claim: string; protectedBy: string; whyNot?: string; lastSnapshot?: { backup: string; method: string } }[]
}

const only = ['--include-namespaces', `${shop},${bare}`]

test('each claim is listed with its way into backups, the last backup that has its data, and why not', async () => {
  const { code, stdout, stderr } = await run('volume', 'list', '--store', store, ...only)
  assert.equal(code, 0, stderr)
  const lines = stdout.trimEnd().split('\n')
  assert.equal(lines.length, 5)
  assert.match(lines[0] ?? '', /^NAMESPACE +CLAIM +CLASS +DRIVER +SIZE +PROTECTED BY +LAST SNAPSHOT +BACKUP +WHY NOT$/)
  const of = (claim: string): string => lines.find((line) => line.split(/ +/)[1] === claim) ?? ''
  assert.match(of('data'), /gp3 +ebs\.csi\.aws\.com +8Gi +native snapshot +\d+s ago +second$/)
  assert.match(of('new'), /gp3 +ebs\.csi\.aws\.com +8Gi +native snapshot +<none>$/)
  assert.match(of('scratch'), /hostPath +1Gi +not +<none> +no VolumeSnapshotLocation is of a provider/)
  assert.match(of('pending'), /slow +2Gi +not +<none> +its claim is not bound/)
})

test('namespaces and labels choose the claims; machines get the same as JSON', async () => {
  const { stdout } = await run('volumes', '--store', store, ...only, '--exclude-namespaces', bare, '-o', 'json')
  const { items } = JSON.parse(stdout) as Listed
  assert.deepEqual(
    items.map(({ claim }) => claim),
    ['data', 'pending', 'scratch'],
  )
  const [data] = items
  assert.equal(data?.protectedBy, 'native-snapshot')
  assert.deepEqual([data?.lastSnapshot?.backup, data?.lastSnapshot?.method], ['second', 'NativeSnapshot'])
  const labelled = JSON.parse((await run('volumes', '--store', store, ...only, '-l', 'app=a', '-o', 'json')).stdout)
  assert.equal((labelled as { claim: string }).claim, 'pending')
})

test('no more backups are looked into than asked for, and that is said', async () => {
  const { stdout, stderr } = await run('volume', 'list', '--store', store, ...only, '--backups', '1')
  assert.match(stdout, /data .* second$/m)
  assert.match(stderr, /^1 older backups were not looked into: raise --backups to do so\.$/m)
})

test('where a server is installed, its backups are asked', async () => {
  await makeLocation(kube, server, { path: join(folder.path, 'served'), spec: { default: true } })
  await using _server = startServer({ kubeconfigPath, namespace: server })
  await askForBackup(kube, server, { name: 'without', spec: { includedNamespaces: [shop], snapshotVolumes: false } })
  assert.equal(
    (await ended(kube, Backups, { name: 'without', namespace: server, seconds: 60 })).status?.phase,
    'Completed',
  )
  const { code, stdout, stderr } = await run('volumes', ...only, '-o', 'json')
  assert.equal(code, 0, stderr)
  const { items } = JSON.parse(stdout) as Listed
  assert.deepEqual(items.find(({ claim }) => claim === 'data')?.lastSnapshot, undefined)
})
