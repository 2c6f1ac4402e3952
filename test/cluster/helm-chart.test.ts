// The chart makes what `lifeboat install` makes: what Helm renders is put before a real API server beside what our own code makes, and the two
// answers are compared, defaults and all.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups } from '#api/backup.ts'
import type { KubeObject } from '#kube/object.ts'
import { ensureAsset } from '#sandbox/assets.ts'
import { cli, scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { plainProgress } from '../support/plain-progress.ts'
import { ClusterRoleBindings, Deployments, ServiceAccounts } from '../support/objects.ts'
import { askForBackup, installKinds } from '../support/server.ts'

const run = promisify(execFile)
const chart = fileURLToPath(new URL('../../deploy/helm/lifeboat', import.meta.url))
const helm = await ensureAsset('helm', { env: process.env, progress: plainProgress() })
const { kube, kubeconfigPath } = await sharedCluster()
before(() => installKinds(kube))

const objectsIn = (text: string): KubeObject[] =>
  parseAllDocuments(text).flatMap((document) => (document.toJS() as KubeObject | null) ?? [])

/** What Helm makes of the chart. */
async function rendered(namespace: string, values: object, ...more: string[]): Promise<KubeObject[]> {
  await using folder = await scratchFolder()
  const file = join(folder.path, 'values.yaml')
  await writeFile(file, stringify(values))
  const args = ['template', 'any', chart, '--namespace', namespace, '--values', file, '--kube-version', '1.36.0']
  return objectsIn((await run(helm, [...args, ...more], { maxBuffer: 1e8 })).stdout)
}

/** What our own installation makes. */
async function installed(namespace: string, ...flags: string[]): Promise<KubeObject[]> {
  const { code, stdout, stderr } = await cli(['install', '--dry-run', '--namespace', namespace, ...flags])
  assert.equal(code, 0, stderr)
  return objectsIn(stdout)
}

/** The objects as the API server would store them, by kind and name; without the labels by which Helm and people find the release. */
async function asStored(objects: readonly KubeObject[]): Promise<Map<string, unknown>> {
  const { types } = await kube.discover()
  const stored = new Map<string, unknown>()
  for (const object of objects) {
    if (object.kind === 'CustomResourceDefinition' || object.kind === 'Namespace') continue
    const [version = '', group = ''] = object.apiVersion.split('/').toReversed()
    const type = types.find((type) => type.kind === object.kind && type.group === group && type.version === version)
    assert.ok(type, object.kind)
    const { namespace } = object.metadata
    const answer = await kube.apply(type, object, { namespace, dryRun: true, fieldManager: 'test', force: true })
    stored.set(`${object.kind}/${object.metadata.name}`, withoutTraces(answer))
  }
  return stored
}

function withoutTraces(object: KubeObject): object {
  const { metadata, status: _s, ...rest } = object
  const { uid: _u, resourceVersion: _r, creationTimestamp: _c, managedFields: _m, generation: _g, ...stays } = metadata
  const labels = Object.entries(metadata.labels ?? {}).filter(([key]) => !/^(app\.kubernetes\.io|helm\.sh)\//.test(key))
  return { ...rest, metadata: { ...stays, labels: Object.fromEntries(labels) } }
}

const location = {
  provider: 'aws',
  default: true,
  objectStorage: { bucket: 'b', prefix: 'p' },
  config: { region: 'eu-west-1' },
}
const toBucket = ['--provider', 'aws', '--bucket', 'b', '--prefix', 'p', '--backup-location-config', 'region=eu-west-1']
const nowhere = ['--no-default-backup-location', '--use-volume-snapshots=false', '--no-secret']

const settings: { name: string; values: object; flags: string[] }[] = [
  { name: 'nothing said', values: {}, flags: nowhere },
  {
    name: 'a bucket, snapshots, credentials',
    values: {
      credentials: { file: '[default]\n' },
      backupLocations: [{ name: 'default', ...location }],
      snapshotLocations: [{ name: 'default', provider: 'aws', config: { region: 'eu-west-1' } }],
    },
    flags: [...toBucket, '--snapshot-location-config', 'region=eu-west-1', '--secret-file', 'CREDENTIALS'],
  },
  {
    name: 'least privilege, IRSA',
    values: { rights: 'read-and-restore', serviceAccount: { annotations: { 'eks.amazonaws.com/role-arn': 'arn' } } },
    flags: [...nowhere, '--least-privilege', '--sa-annotations', 'eks.amazonaws.com/role-arn=arn'],
  },
  { name: 'backups only', values: { rights: 'read' }, flags: [...nowhere, '--least-privilege', '--backup-only'] },
  {
    name: 'an account that is there',
    values: { serviceAccount: { create: false, name: 'mine' } },
    flags: [...nowhere, '--service-account-name', 'mine'],
  },
  {
    name: 'all there is to say about the pod',
    values: {
      image: { repository: 'host:5000/lifeboat', tag: 'latest' },
      podLabels: { team: 'x', deploy: 'cannot-be-chosen' },
      podAnnotations: { a: 'b', 'prometheus.io/scrape': 'false' },
      priorityClassName: 'high',
      resources: { requests: { cpu: '1', memory: '256Mi' }, limits: { cpu: null, memory: '1Gi' } },
      server: { args: ['--concurrent-backups=3', '--plugins=/plugins/a.ts'] },
    },
    flags: [
      nowhere,
      ['--image', 'host:5000/lifeboat:latest', '--pod-labels', 'team=x,deploy=cannot-be-chosen'],
      ['--pod-annotations', 'a=b,prometheus.io/scrape=false', '--server-priority-class-name', 'high'],
      ['--velero-pod-cpu-request', '1', '--velero-pod-mem-request', '256Mi', '--velero-pod-cpu-limit', '0'],
      ['--velero-pod-mem-limit', '1Gi', '--concurrent-backups', '3', '--plugins', '/plugins/a.ts'],
    ].flat(),
  },
]

test('whatever is chosen, the chart makes the objects that `lifeboat install` makes', async (context) => {
  await using folder = await scratchFolder()
  const credentials = join(folder.path, 'credentials')
  await writeFile(credentials, '[default]\n')
  await using home = await testNamespace(kube)
  for (const { name, values, flags } of settings) {
    await context.test(name, async () => {
      const given = flags.map((flag) => (flag === 'CREDENTIALS' ? credentials : flag))
      const [ours, theirs] = [await installed(home.name, ...given), await rendered(home.name, values)]
      assert.deepEqual(await asStored(theirs), await asStored(ours))
    })
  }
})

test('names that belong to the whole cluster hold the namespace, but for that of Velero', async () => {
  for (const namespace of ['velero', 'boats']) {
    const names = (objects: readonly KubeObject[]): string[] =>
      objects
        .filter(({ kind }) => kind.startsWith('ClusterRole'))
        .map(({ kind, metadata }) => `${kind}/${metadata.name}`)
        .toSorted()
    const ours = names(await installed(namespace, ...nowhere, '--least-privilege'))
    assert.deepEqual(names(await rendered(namespace, { rights: 'read-and-restore' })), ours)
  }
})

test('the chart brings the custom resource definitions that we install', async () => {
  const definitions = (objects: readonly KubeObject[]): unknown[] =>
    objects
      .filter(({ kind }) => kind === 'CustomResourceDefinition')
      .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  const ours = definitions(await installed('velero', '--crds-only'))
  assert.deepEqual(definitions(await rendered('velero', {}, '--include-crds')), ours)
})

test('schedules, a Secret that is there, tolerations and a ServiceMonitor are what the values say', async () => {
  await using home = await testNamespace(kube)
  const schedule = { schedule: '0 1 * * *', template: { ttl: '240h' } }
  const objects = await rendered(home.name, {
    credentials: { existingSecret: 'mine' },
    schedules: [{ name: 'nightly', annotations: { 'lifeboat.dev/retention': 'daily=7' }, ...schedule }],
    tolerations: [{ key: 'system', operator: 'Exists' }],
    metrics: { serviceMonitor: { enabled: true, labels: { release: 'prometheus' } } },
  })
  const monitor = objects.find(({ kind }) => kind === 'ServiceMonitor') ?? assert.fail()
  const service = objects.find(({ kind }) => kind === 'Service') ?? assert.fail()
  assert.equal(monitor.metadata.labels?.['release'], 'prometheus')
  const { selector, endpoints } = monitor['spec'] as {
    selector: { matchLabels: Record<string, string> }
    endpoints: { port: string }[]
  }
  const { ports } = service['spec'] as { ports: { name: string }[] }
  assert.deepEqual(
    endpoints.map(({ port }) => port),
    ports.map(({ name }) => name),
  )
  assert.partialDeepStrictEqual(service.metadata.labels, selector.matchLabels)
  const stored = await asStored(objects.filter(({ kind }) => kind !== 'ServiceMonitor'))
  assert.partialDeepStrictEqual(stored.get('Schedule/nightly'), {
    metadata: { annotations: { 'lifeboat.dev/retention': 'daily=7' } },
    spec: schedule,
  })
  assert.partialDeepStrictEqual(stored.get('Deployment/velero'), {
    spec: { template: { spec: { tolerations: [{ key: 'system', operator: 'Exists' }] } } },
  })
  assert.match(JSON.stringify(stored.get('Deployment/velero')), /"secretName":"mine"/)
})

test('a release is installed, upgraded and taken away; custom resource definitions and what others made stay', async () => {
  await using home = await testNamespace(kube)
  const namespace = home.name
  await using folder = await scratchFolder()
  const release = async (verb: string, ...more: string[]): Promise<void> => {
    const env = { PATH: process.env['PATH'], HOME: folder.path, KUBECONFIG: kubeconfigPath }
    await run(helm, [verb, 'boat', ...more, '--namespace', namespace], { env })
  }
  const values = join(folder.path, 'values.yaml')
  await writeFile(values, stringify({ backupLocations: [{ name: 'default', ...location }], replicas: 0 }))
  await release('install', chart, '--values', values)
  await askForBackup(kube, namespace, { name: 'mine', spec: {} })
  assert.deepEqual((await kube.get(BackupStorageLocations, 'default', { namespace })).spec, location)
  await release('upgrade', chart, '--values', values, '--set', 'image.tag=other')
  const deployment = await kube.get(Deployments, 'velero', { namespace })
  assert.match(JSON.stringify(deployment['spec']), /"image":"lifeboat:other"/)
  await release('uninstall')
  for (const type of [Deployments, ServiceAccounts])
    assert.equal(await kube.find(type, 'velero', { namespace }), undefined, type.plural)
  assert.equal(await kube.find(ClusterRoleBindings, `velero-${namespace}`), undefined)
  assert.ok(await kube.find(Backups, 'mine', { namespace }))
})

test('the alerts are those of deploy/alerts.yaml', async () => {
  const values = { metrics: { alerts: { enabled: true, labels: { release: 'prometheus' } } } }
  const rule = (await rendered('velero', values)).find(({ kind }) => kind === 'PrometheusRule') ?? assert.fail()
  assert.equal(rule.metadata.labels?.['release'], 'prometheus')
  const alerts = await readFile(join(chart, '../../alerts.yaml'), 'utf8')
  assert.deepEqual(rule['spec'], (parse(alerts) as KubeObject)['spec'])
})

test('helm lint is content, and values that make no sense are refused', async () => {
  const { stdout } = await run(helm, ['lint', chart, '--strict', '--kube-version', '1.36.0'])
  assert.match(stdout, /1 chart\(s\) linted, 0 chart\(s\) failed/)
  await assert.rejects(rendered('velero', { rights: 'everything' }), /rights must be all, read-and-restore or read/)
  await assert.rejects(rendered('velero', { backupLocations: [{ provider: 'aws' }] }), /needs a name/)
})
