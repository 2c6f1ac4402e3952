// Our server in the place of Velero's: on the objects that Velero's own client makes, and back. No kubelet runs here: the server is started
// as its Deployment says, as a process.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups } from '#api/backup.ts'
import { Schedules } from '#api/schedule.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { cli, scratchFolder, type CliResult } from '../support/cli.ts'
import { ownCluster } from '../support/cluster.ts'
import { Deployments, make, Namespaces, Pods, Services } from '../support/objects.ts'
import { s3Server } from '../support/s3-server.ts'
import { runServerPods } from '../support/server-pods.ts'
import { askForBackup, eventually } from '../support/server.ts'
import { installVelero } from '../support/velero-install.ts'
import { veleroClient } from '../support/velero.ts'

const cluster = await ownCluster()
const folder = await scratchFolder()
const s3 = await s3Server('versitygw')
const { kube, kubeconfigPath } = cluster
const velero = await veleroClient({ kubeconfigPath, directory: join(folder.path, 'velero') })
after(async () => {
  await s3[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
  await cluster[Symbol.asyncDispose]()
})

const at = { namespace: 'velero' }
const run = (...args: string[]): Promise<CliResult> => cli(args, { env: { KUBECONFIG: kubeconfigPath, ...s3.env } })

async function said(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args)
  assert.equal(code, 0, stderr)
  return stdout
}

/** An installation of Velero's as of a user who has set one thing and another. */
async function veleroInstalled(): Promise<void> {
  const credentials = join(folder.path, 'credentials')
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = s3.env
  await writeFile(credentials, `[default]\naws_access_key_id=${id}\naws_secret_access_key=${secret}\n`)
  const asked = [
    ['--provider', 'aws', '--bucket', s3.bucket, '--prefix', 'prefix', '--secret-file', credentials],
    ['--backup-location-config', `region=${s3.region},s3Url=${s3.endpoint},s3ForcePathStyle=true`],
    ['--plugins', 'velero/velero-plugin-for-aws:v1.14.0,example.com/team/other-plugin:v2'],
    ['--use-node-agent', '--garbage-collection-frequency', '30m', '--keep-latest-maintenance-jobs', '5'],
    ['--pod-labels', 'team=blue', '--velero-pod-mem-limit', '1Gi'],
  ]
  await installVelero(kube, velero, asked.flat())
}

interface PodSpec {
  containers: { name: string; command?: string[] }[]
  initContainers?: { name: string }[]
}

function podSpec(deployment: KubeObject): PodSpec {
  return (deployment['spec'] as { template: { spec: PodSpec } }).template.spec
}

test('a running Velero is adopted in place: the server as its Deployment then says finds locations, schedules and backups; going back leaves the Deployment as it was', async () => {
  await said('--store', s3.url, 'backup', 'create', 'earlier', '--include-namespaces', 'default')
  await veleroInstalled()
  await using _pods = runServerPods({ kube, kubeconfigPath, folder: folder.path })
  await velero('schedule', 'create', 'nightly', '--schedule', '0 1 * * *')
  const settled = async (): Promise<KubeObject> =>
    eventually(async () => {
      const deployment = await kube.get(Deployments, 'velero', at)
      const { observedGeneration = 0 } = (deployment['status'] ?? {}) as { observedGeneration?: number }
      const { items } = await kube.list(Pods, { ...at, labelSelector: 'deploy=velero' })
      return observedGeneration === deployment.metadata.generation && items.length === 1 ? deployment : undefined
    })
  const before = await settled()
  const agent = await kube.get(DaemonSets, 'node-agent', at)

  const shown = await said('install', '--adopt', '--image', 'lifeboat:test', '--dry-run')
  assert.match(
    shown,
    /^ +spec\.template\.spec\.containers\[lifeboat\]\.image\n +- "velero\/velero:v1\.18\.1"\n +\+ "lifeboat:test"$/m,
  )
  assert.match(shown, /^ +spec\.template\.spec\.containers\[velero\]\.name$/m)
  assert.match(shown, /^note: flags that Lifeboat does not have, left out: --keep-latest-maintenance-jobs=5$/m)
  assert.match(shown, /^note: flags that are kept and change nothing here: --uploader-type=kopia$/m)
  assert.match(shown, /^note: plug-in velero-velero-plugin-for-aws .* what it does is built in$/m)
  assert.match(shown, /^note: plug-in team-other-plugin .* what it did is missing$/m)
  assert.match(shown, /^note: DaemonSet node-agent stays as it is/m)
  assert.deepEqual((await settled())['spec'], before['spec'], 'a dry run changes nothing')

  assert.match(shown, /^note: Service lifeboat is added/m)
  const done = await said('install', '--adopt', '--image', 'lifeboat:test', '--wait')
  assert.match(done, /^Deployment velero\/velero runs Lifeboat\. Going back: lifeboat uninstall --give-back$/m)
  const adopted = await settled()
  const [was, is] = [podSpec(before), podSpec(adopted)]
  const [ours] = is.containers as [object]
  const [theirs] = was.containers as [PodSpec['containers'][0]]
  const { command: _, ...kept } = theirs
  assert.deepEqual(ours, {
    ...kept,
    name: 'lifeboat',
    image: 'lifeboat:test',
    args: ['server', '--features=', '--uploader-type=kopia', '--garbage-collection-frequency=30m0s'],
  })
  assert.deepEqual({ ...is, containers: 0 }, { ...without(was, 'initContainers'), containers: 0 })
  assert.deepEqual(await kube.get(DaemonSets, 'node-agent', at), { ...agent, status: agent['status'] })
  const service = await kube.get(Services, 'lifeboat', at)
  const { matchLabels } = (adopted['spec'] as { selector: { matchLabels: object } }).selector
  assert.partialDeepStrictEqual(service['spec'], { selector: matchLabels, ports: [{ name: 'http', targetPort: 8085 }] })
  const twice = await said('install', '--adopt', '--dry-run')
  assert.match(twice, /nothing to change/)
  assert.doesNotMatch(twice, /Service/)
  assert.match(
    (await run('install', '--provider', 'aws', '--bucket', 'b', '--no-secret', '--dry-run')).stdout,
    /kind: Deployment/,
  )

  await eventually(async () => (await kube.find(Backups, 'earlier', at)) ?? undefined, 60)
  const location = await kube.get(BackupStorageLocations, 'default', at)
  assert.equal(location.status?.phase, 'Available')
  await eventually(async () => (await kube.get(Schedules, 'nightly', at)).status?.phase === 'Enabled' || undefined, 60)
  await said('backup', 'create', 'later', '--include-namespaces', 'default', '--wait')

  const back = await said('uninstall', '--give-back', '--dry-run')
  assert.match(back, /^ +\+ "velero\/velero:v1\.18\.1"$/m)
  assert.deepEqual((await settled())['spec'], adopted['spec'], 'a dry run changes nothing')
  assert.match(await said('uninstall', '--give-back'), /is what it was before Lifeboat/)
  assert.equal(await kube.find(Services, 'lifeboat', at), undefined)
  const again = await settled()
  assert.equal(JSON.stringify(own(again)), JSON.stringify(own(before)))
  assert.match(await velero('backup', 'get'), /earlier +Completed/)
  const none = await run('uninstall', '--give-back')
  assert.equal(none.code, 1)
  assert.match(none.stderr, /velero\/velero was not adopted/)
})

const DaemonSets: ResourceType = { ...Deployments, plural: 'daemonsets', kind: 'DaemonSet' }

function without<T extends object>(object: T, key: keyof T): object {
  const { [key]: _, ...rest } = object
  return rest
}

/** The Deployment without what the API server and the controller keep. */
function own({ metadata, apiVersion, kind, spec }: KubeObject): object {
  const { resourceVersion: _r, generation: _g, managedFields: _m, annotations = {}, ...stays } = metadata
  const { 'deployment.kubernetes.io/revision': _v, ...theirs } = annotations
  return { apiVersion, kind, spec, metadata: { ...stays, annotations: theirs } }
}

test('what cannot be adopted is left as it is, with the reason', async () => {
  const adopt = async (namespace: string, ...more: string[]): Promise<string> => {
    const { code, stderr } = await run('install', '--adopt', '--namespace', namespace, ...more)
    assert.notEqual(code, 0)
    return stderr
  }
  await make(kube, Namespaces, { name: 'other' })
  assert.match(await adopt('other'), /there is no Deployment other\/velero/)
  const labels = { deploy: 'velero' }
  const container = { name: 'velero', image: 'velero:1', args: ['server', '--log-level=loud'] }
  const spec = {
    replicas: 0,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [container] } },
  }
  const { metadata } = await make(kube, Deployments, { name: 'velero', namespace: 'other', spec })
  assert.match(
    await adopt('other', '--image', 'lifeboat:test'),
    /started with --log-level=loud, and --log-level must be one of .*; nothing was changed/,
  )
  assert.match(
    await adopt('other', '--image', 'lifeboat:test', '--bucket', 'mine'),
    /--bucket cannot be used with --adopt/,
  )
  const { uid, generation } = (await kube.get(Deployments, 'velero', { namespace: 'other' })).metadata
  assert.deepEqual({ uid, generation }, { uid: metadata.uid, generation: metadata.generation })
})

test('going back waits for nothing and breaks nothing: while the server works on something it is refused, unless forced', async () => {
  await said('install', '--adopt', '--image', 'lifeboat:test')
  await askForBackup(kube, 'velero', { name: 'working', spec: {} })
  await kube.patch(Backups, 'working', { merge: { status: { phase: 'InProgress' } } }, at)
  const { code, stderr } = await run('uninstall', '--give-back')
  assert.equal(code, 1)
  assert.match(stderr, /nothing was changed: backup working in progress would end as Failed/)
  assert.match(await said('uninstall', '--give-back', '--force'), /is what it was before Lifeboat/)
})
