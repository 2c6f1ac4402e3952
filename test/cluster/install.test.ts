// Installing and uninstalling, as a person does it, on a cluster of its own: all of it is taken away again. No kubelet runs here, so
// the test itself says when a pod is ready.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups } from '#api/backup.ts'
import { Restores } from '#api/restore.ts'
import { VolumeSnapshotLocations } from '#api/volume-snapshot-location.ts'
import type { KubeObject } from '#kube/object.ts'
import { cli, scratchFolder, startCli, type CliResult } from '../support/cli.ts'
import { ownCluster, testNamespace } from '../support/cluster.ts'
import { changedKubeconfig } from '../support/kubeconfig.ts'
import {
  ClusterRoleBindings,
  ClusterRoles,
  ConfigMaps,
  Definitions,
  Deployments,
  make,
  Namespaces,
  Pods,
  RoleBindings,
  Roles,
  Secrets,
  ServiceAccounts,
  Services,
} from '../support/objects.ts'
import { veleroClient } from '../support/velero.ts'
import { askForBackup, askForRestore, ended, eventually, makeLocation, startServer } from '../support/server.ts'

const cluster = await ownCluster()
const folder = await scratchFolder()
const { kube, kubeconfigPath } = cluster
const credentials = join(folder.path, 'credentials')
before(() => writeFile(credentials, '[default]\naws_access_key_id=a\naws_secret_access_key=b\n'))
after(async () => {
  await folder[Symbol.asyncDispose]()
  await cluster[Symbol.asyncDispose]()
})

const run = (...args: string[]): Promise<CliResult> => cli(args, { env: { KUBECONFIG: kubeconfigPath } })
const ask = ['install', '--provider', 'aws', '--bucket', 'backups', '--backup-location-config', 'region=eu-west-1']
const image = ['--image', 'lifeboat:test']

async function said(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args)
  assert.equal(code, 0, stderr)
  return stdout
}

/** Uninstalls whatever a test has installed, for the next one to begin afresh. */
async function uninstall(namespace: string): Promise<string> {
  return await said('uninstall', '--namespace', namespace, '--force')
}

test('a dry run prints every object and changes nothing; installing makes them; a second time nothing changes', async () => {
  const wanted = await said(...ask, ...image, '--secret-file', credentials, '--dry-run')
  const kinds = parseAllDocuments(wanted).map((document) => (document.toJS() as KubeObject).kind)
  assert.deepEqual(kinds.slice(14), [
    'Namespace',
    'ClusterRoleBinding',
    'ServiceAccount',
    'Secret',
    'BackupStorageLocation',
    'VolumeSnapshotLocation',
    'Service',
    'Deployment',
  ])
  assert.equal(await kube.find(Namespaces, 'velero'), undefined)

  const first = await said(...ask, ...image, '--secret-file', credentials)
  assert.match(first, /^CustomResourceDefinition\/backups\.velero\.io: created$/m)
  for (const kind of kinds.slice(14)) assert.match(first, new RegExp(`^${kind}/\\S+: created$`, 'm'))
  const at = { namespace: 'velero' }
  const location = await kube.get(BackupStorageLocations, 'default', at)
  assert.deepEqual(location.spec, {
    provider: 'aws',
    config: { region: 'eu-west-1' },
    default: true,
    objectStorage: { bucket: 'backups' },
  })
  assert.equal((await kube.get(VolumeSnapshotLocations, 'default', at)).spec.provider, 'aws')
  const secret = await kube.get(Secrets, 'cloud-credentials', at)
  const { cloud = '' } = secret['data'] as { cloud?: string }
  assert.equal(Buffer.from(cloud, 'base64').toString(), await readFile(credentials, 'utf8'))
  const binding = await kube.get(ClusterRoleBindings, 'velero')
  assert.equal((binding['roleRef'] as { name: string }).name, 'cluster-admin')

  const again = await said(...ask, ...image, '--secret-file', credentials, '--apply')
  assert.doesNotMatch(again, /: (created|changed)/)
  assert.match(again, /^Deployment\/velero: unchanged$/m)
  const other = await said(...ask, '--image', 'lifeboat:other', '--no-secret')
  assert.match(other, /^Deployment\/velero: already exists, left as it is/m)
  const updated = await said(...ask, '--image', 'lifeboat:other', '--no-secret', '--apply')
  assert.match(updated, /^Deployment\/velero: changed$/m)
  const fewer = await said(...ask, '--image', 'lifeboat:other', '--no-secret', '--least-privilege', '--apply')
  assert.match(fewer, /^ClusterRoleBinding\/velero: changed$/m)
  const narrowed = await kube.get(ClusterRoleBindings, 'velero')
  assert.equal((narrowed['roleRef'] as { name: string }).name, 'velero')
  const { volumes } = podSpec(await kube.get(Deployments, 'velero', at))
  assert.deepEqual(
    volumes.map(({ name }) => name),
    ['scratch'],
  )
  await uninstall('velero')
})

interface PodSpec {
  securityContext: object
  serviceAccountName: string
  volumes: { name: string }[]
  containers: {
    name: string
    image: string
    args: string[]
    env: { name: string }[]
    resources: object
    securityContext: object
    livenessProbe: { httpGet: object }
  }[]
}

function podSpec(deployment: KubeObject): PodSpec {
  return (deployment['spec'] as { template: { spec: PodSpec } }).template.spec
}

test('the pod is let in by the strictest policy of Kubernetes, and runs the server with what was asked for; --wait ends when it is ready', async () => {
  const more = ['--no-secret', '--pod-annotations', 'a=b', '--pod-labels', 'team=x', '--sa-annotations', 'role=r']
  const server = [
    '--garbage-collection-frequency',
    '30m',
    '--concurrent-backups',
    '3',
    '--features',
    'EnableCSI,EnableAPIGroupVersions',
    '--plugins',
    '/plugins/redact.ts',
  ]
  const limits = ['--velero-pod-cpu-limit', '0', '--velero-pod-mem-limit', '1Gi']
  // The strictest level: what violates it is not even made.
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted', component: 'velero' }
  await make(kube, Namespaces, { name: 'strict', metadata: { labels } })
  const where = ['--namespace', 'strict', '--wait']
  const waiting = startCli([...ask, ...image, ...more, ...server, ...limits, ...where], {
    env: { KUBECONFIG: kubeconfigPath },
  })
  const at = { namespace: 'strict' }
  const pod = await eventually(async () => (await kube.list(Pods, at)).items[0], 120)
  const { containers, serviceAccountName, securityContext } = podSpec(await kube.get(Deployments, 'velero', at))
  const [container] = containers
  assert.equal(serviceAccountName, 'velero')
  assert.deepEqual((await kube.get(ServiceAccounts, 'velero', at)).metadata.annotations, { role: 'r' })
  assert.equal(pod.metadata.labels?.['team'], 'x')
  assert.equal(pod.metadata.annotations?.['a'], 'b')
  assert.equal(container?.image, 'lifeboat:test')
  assert.deepEqual(container?.args, [
    'server',
    '--features=EnableCSI,EnableAPIGroupVersions',
    '--garbage-collection-frequency=30m',
    '--concurrent-backups=3',
    '--plugins=/plugins/redact.ts',
  ])
  assert.deepEqual(container?.resources, { requests: { cpu: '500m', memory: '128Mi' }, limits: { memory: '1Gi' } })
  assert.partialDeepStrictEqual(securityContext, { runAsNonRoot: true, runAsUser: 65_532 })
  assert.partialDeepStrictEqual(container?.securityContext, {
    readOnlyRootFilesystem: true,
    allowPrivilegeEscalation: false,
  })
  assert.partialDeepStrictEqual(container?.livenessProbe, { httpGet: { path: '/healthz', port: 'metrics' } })
  assert.equal(waiting.child.exitCode, null, 'it waits')
  const ready = [{ type: 'Ready', status: 'True' }]
  await kube.patch(
    Pods,
    pod.metadata.name,
    { merge: { status: { phase: 'Running', conditions: ready } } },
    { ...at, subresource: 'status' },
  )
  const { code, stdout, stderr } = await waiting.ended
  assert.equal(code, 0, stderr)
  assert.match(stdout, /Lifeboat is installed in namespace strict, and the server is available\.$/m)
  await uninstall('strict')
})

test('uninstalling takes everything away, also with Restores that wait for a server, and also a second time', async () => {
  await said(...ask, ...image, '--no-secret', '--least-privilege', '--namespace', 'boats')
  await askForBackup(kube, 'boats', { name: 'one', spec: {} })
  await askForRestore(kube, 'boats', { name: 'back', spec: { backupName: 'one' } })
  const finalizers = ['restores.velero.io/external-resources-finalizer']
  await kube.patch(Restores, 'back', { merge: { metadata: { finalizers } } }, { namespace: 'boats' })
  const unsure = await run('uninstall', '--namespace', 'boats')
  assert.equal(unsure.code, 1)
  assert.match(unsure.stderr, /nothing was removed: add --force/)
  assert.ok(await kube.find(Backups, 'one', { namespace: 'boats' }))

  const gone = await uninstall('boats')
  assert.match(gone, /^Namespace\/boats: removed$/m)
  assert.equal(await kube.find(Namespaces, 'boats'), undefined)
  const labelled = { labelSelector: 'component=velero' }
  for (const type of [Namespaces, ClusterRoles, ClusterRoleBindings, Definitions, Deployments, Secrets])
    assert.deepEqual((await kube.list(type, labelled)).items, [], type.plural)
  assert.match(await uninstall('boats'), /^Lifeboat is uninstalled/)
})

test('a namespace that was there before stays, with what else is in it; so do definitions that another server needs', async () => {
  await using home = await testNamespace(kube)
  const namespace = home.name
  await make(kube, ConfigMaps, { name: 'mine', namespace })
  await said(...ask, ...image, '--no-secret', '--namespace', 'second')
  await said(...ask, ...image, '--no-secret', '--namespace', namespace)
  // A namespace that exists is not labelled as ours.
  assert.equal((await kube.get(Namespaces, namespace)).metadata.labels?.['component'], undefined)

  const gone = await uninstall(namespace)
  assert.match(gone, /was not made by an installer and stays/)
  assert.match(gone, /The custom resource definitions stay: there are servers in second too/)
  assert.ok(await kube.find(ConfigMaps, 'mine', { namespace }))
  for (const type of [Deployments, ServiceAccounts])
    assert.equal(await kube.find(type, 'velero', { namespace }), undefined, type.plural)
  assert.equal(await kube.find(Services, 'lifeboat', { namespace }), undefined)
  assert.deepEqual((await kube.list(BackupStorageLocations, { namespace })).items, [])
  assert.ok(await kube.find(BackupStorageLocations, 'default', { namespace: 'second' }))
  await uninstall('second')
  assert.equal(await kube.find(Definitions, 'backups.velero.io'), undefined)
})

test("another server's Deployment is not touched", async () => {
  await make(kube, Namespaces, { name: 'velero' })
  const labels = { deploy: 'velero' }
  const template = { metadata: { labels }, spec: { containers: [{ name: 'velero', image: 'velero:1' }] } }
  const spec = { replicas: 0, selector: { matchLabels: labels }, template }
  await make(kube, Deployments, { name: 'velero', namespace: 'velero', spec })
  const { code, stderr } = await run(...ask, ...image, '--no-secret', '--apply')
  assert.equal(code, 1)
  assert.match(stderr, /Deployment velero\/velero runs another server \(container velero\); nothing was changed/)
  assert.equal(await kube.find(Definitions, 'backups.velero.io'), undefined)
  await kube.delete(Namespaces, 'velero')
})

/** A kubeconfig of the account that an installation gave its server. */
async function asServer(namespace: string): Promise<string> {
  const request = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata: { name: 'velero' },
    spec: {},
  }
  const made = await kube.create(ServiceAccounts, request, { namespace, subresource: 'token' })
  const { token } = made['status'] as { token: string }
  return await changedKubeconfig(kubeconfigPath, folder.path, (config) => (config.users[0].user = { token }))
}

test('with least privileges the server makes backups of everything and restores them; with --backup-only it makes backups', async () => {
  await using shop = await testNamespace(kube)
  await make(kube, ConfigMaps, { name: 'prices', namespace: shop.name, data: { apple: '1' } })
  const target = `${shop.name}-again`
  const rights = ['--least-privilege', '--namespace', 'least']
  await said('install', '--no-default-backup-location', '--use-volume-snapshots=false', '--no-secret', ...rights)
  const namespace = 'least'
  await makeLocation(kube, namespace, { path: join(folder.path, 'store') })
  // Roles can only be restored by who may give what they give.
  const rules = [{ apiGroups: [''], resources: ['serviceaccounts'], verbs: ['impersonate'] }]
  await make(kube, Roles, { name: 'wide', namespace: shop.name, rules })
  const subjects = [{ kind: 'ServiceAccount', name: 'default', namespace: shop.name }]
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'wide' }
  await make(kube, RoleBindings, { name: 'wide', namespace: shop.name, subjects, roleRef })
  const spec = { backupName: 'all', includedNamespaces: [shop.name], namespaceMapping: { [shop.name]: target } }
  {
    await using server = startServer({ kubeconfigPath: await asServer(namespace), namespace })
    await server.leads()
    await askForBackup(kube, namespace, { name: 'all', spec: {} })
    const backup = await ended(kube, Backups, { name: 'all', namespace, seconds: 120 })
    assert.equal(backup.status?.phase, 'Completed', JSON.stringify(backup.status))
    await askForRestore(kube, namespace, { name: 'back', spec })
    const restore = await ended(kube, Restores, { name: 'back', namespace, seconds: 120 })
    assert.equal(restore.status?.phase, 'Completed', JSON.stringify(restore.status))
    assert.ok(await kube.find(ConfigMaps, 'prices', { namespace: target }))
    assert.ok(await kube.find(RoleBindings, 'wide', { namespace: target }))
    assert.ok(await kube.find(Roles, 'wide', { namespace: target }))
    assert.equal(await server.end('SIGTERM'), 0)
  }
  await said(
    'install',
    '--no-default-backup-location',
    '--use-volume-snapshots=false',
    '--no-secret',
    ...rights,
    '--backup-only',
    '--apply',
  )
  await using server = startServer({ kubeconfigPath: await asServer(namespace), namespace })
  await server.leads()
  await askForBackup(kube, namespace, { name: 'again', spec: { includedNamespaces: [shop.name] } })
  const backup = await ended(kube, Backups, { name: 'again', namespace, seconds: 120 })
  assert.equal(backup.status?.phase, 'Completed')
  const third = { ...spec, namespaceMapping: { [shop.name]: `${target}-2` } }
  await askForRestore(kube, namespace, { name: 'refused', spec: third })
  const restore = await ended(kube, Restores, { name: 'refused', namespace, seconds: 120 })
  assert.notEqual(restore.status?.phase, 'Completed')
  assert.equal(await kube.find(Namespaces, `${target}-2`), undefined)
  assert.equal(await server.end('SIGTERM'), 0)
  await uninstall(namespace)
})

test("Velero's own client takes our installation for one: it shows the location, adds no plug-in, and uninstalls all of it", async () => {
  await said(...ask, ...image, '--no-secret')
  const velero = await veleroClient({ kubeconfigPath, directory: join(folder.path, 'velero') })
  assert.match(await velero('backup-location', 'get'), /default +aws +backups +Unknown/)
  await assert.rejects(velero('plugin', 'add', 'velero/velero-plugin-for-aws:v1', '--confirm'))
  const before = podSpec(await kube.get(Deployments, 'velero', { namespace: 'velero' }))
  assert.ok(!('initContainers' in before))
  assert.match(await velero('uninstall', '--force'), /Velero uninstalled/)
  const labelled = { labelSelector: 'component=velero' }
  for (const type of [Namespaces, ClusterRoleBindings, Definitions, Deployments])
    assert.deepEqual((await kube.list(type, labelled)).items, [], type.plural)
})
