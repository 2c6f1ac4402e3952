import assert from 'node:assert/strict'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import type { KubeClient } from '#kube/client.ts'
import { loadKubeConfig } from '#kube/config.ts'
import { connect, type ConnectOptions, type ResponseInfo } from '#kube/connect.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { ownCluster, testNamespace } from '../support/cluster.ts'
import { connectProxy } from '../support/connect-proxy.ts'
import { ConfigMaps, Deployments, make, object, ServiceAccounts } from '../support/objects.ts'

const ReplicaSets: ResourceType = { ...Deployments, plural: 'replicasets', kind: 'ReplicaSet' }
const Reviews: ResourceType = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'selfsubjectreviews',
  kind: 'SelfSubjectReview',
  namespaced: false,
}

type Cluster = Awaited<ReturnType<typeof ownCluster>>
let cluster: Cluster
let kube: KubeClient
let folder: string
before(async () => {
  cluster = await ownCluster()
  ;({ kube } = cluster)
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-credentials-'))
})
after(async () => {
  await rm(folder, { recursive: true })
  await cluster[Symbol.asyncDispose]()
})

/** A client of the cluster as another user of its kubeconfig. */
async function clientAs(user: object, options: ConnectOptions): Promise<KubeClient> {
  const kubeconfig = join(folder, 'config')
  const named = { 'certificate-authority': cluster.sandbox.authority.cert, server: kube.server }
  await writeFile(
    kubeconfig,
    stringify({
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: named }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    }),
  )
  return connect(await loadKubeConfig({ env: process.env, home: '/', kubeconfig }), options)
}

/** Who the API server takes `client` for. */
async function userOf(client: KubeClient): Promise<string | undefined> {
  const review = await client.create(Reviews, { ...object(Reviews, ''), metadata: {} } as unknown as KubeObject)
  return (review['status'] as { userInfo?: { username?: string } }).userInfo?.username
}

test('a credential plugin may give a client certificate; when that expires another one is fetched', async () => {
  const { authority } = cluster.sandbox
  const plugin = join(folder, 'plugin.ts')
  await writeFile(plugin, PLUGIN)
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: process.execPath,
    args: [plugin],
    env: Object.entries({
      MODULE: fileURLToPath(import.meta.resolve('#sandbox/certificate.ts')),
      CERT: authority.cert,
      KEY: authority.key,
      COUNT: join(folder, 'count'),
    }).map(([name, value]) => ({ name, value })),
    interactiveMode: 'Never',
  }
  let now = new Date()
  const client = await clientAs({ exec }, { now: () => now })
  assert.deepEqual(await Promise.all([userOf(client), userOf(client)]), ['visitor-1', 'visitor-1'])
  now = new Date(now.getTime() + 59 * 60_000)
  assert.equal(await userOf(client), 'visitor-1')
  now = new Date(now.getTime() + 2 * 60_000)
  assert.equal(await userOf(client), 'visitor-2')
  await client.close()
})

/** An ExecCredential whose certificate names how often the plugin ran, for an hour each. */
const PLUGIN = `
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
const { MODULE, CERT, KEY, COUNT } = process.env
const { createClientCertificate, longValidity } = await import(MODULE)
const run = existsSync(COUNT) ? Number(readFileSync(COUNT, 'utf8')) + 1 : 1
writeFileSync(COUNT, String(run))
const authority = { cert: readFileSync(CERT, 'utf8'), key: readFileSync(KEY, 'utf8') }
const { cert, key } = await createClientCertificate(authority, { user: 'visitor-' + run, validity: longValidity(new Date()) })
const { apiVersion, kind } = JSON.parse(process.env.KUBERNETES_EXEC_INFO)
const expirationTimestamp = new Date(Date.now() + run * 3600_000).toISOString()
console.log(JSON.stringify({ apiVersion, kind, status: { clientCertificateData: cert, clientKeyData: key, expirationTimestamp } }))
`

/** A token of a ServiceAccount, as the kubelet projects into a pod. */
async function tokenOf(namespace: string, name: string): Promise<string> {
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: { name }, spec: {} }
  const made = await kube.create(ServiceAccounts, request, { namespace, subresource: 'token' })
  return (made['status'] as unknown as { token: string }).token
}

test('a projected token that is replaced is used within a minute, and at once when the old one is revoked', async () => {
  await using space = await testNamespace(kube)
  const namespace = space.name
  for (const name of ['old', 'new', 'newest']) await make(kube, ServiceAccounts, { namespace, name })
  const file = join(folder, 'token')
  // As the kubelet does it: never half a token.
  const replace = async (name: string): Promise<void> => {
    await writeFile(`${file}-next`, `${await tokenOf(namespace, name)}\n`)
    await rename(`${file}-next`, file)
  }
  const nameOf = (name: string): string => `system:serviceaccount:${namespace}:${name}`
  await replace('old')
  let now = new Date()
  const seen: ResponseInfo[] = []
  const client = await clientAs({ tokenFile: file }, { now: () => now, onResponse: (info) => seen.push(info) })
  assert.equal(await userOf(client), nameOf('old'))
  await replace('new')
  assert.equal(await userOf(client), nameOf('old'))
  now = new Date(now.getTime() + 61_000)
  assert.equal(await userOf(client), nameOf('new'))
  await replace('newest')
  await kube.delete(ServiceAccounts, 'new', { namespace })
  // The server remembers good tokens for some seconds.
  while ((await userOf(client)) === nameOf('new')) await pause(500)
  assert.equal(await userOf(client), nameOf('newest'))
  assert.ok(seen.some(({ status }) => status === 401))
  await client.close()
})

test('compressed answers are the same as plain ones, watches too', async () => {
  await using space = await testNamespace(kube)
  const namespace = space.name
  const data = { text: 'ärgerlich '.repeat(1000) }
  // The server compresses answers of more than 128 KiB.
  await Promise.all(Array.from({ length: 20 }, (_, i) => make(kube, ConfigMaps, { namespace, name: `cm-${i}`, data })))
  const config = await loadKubeConfig({ env: {}, home: '/', kubeconfig: cluster.kubeconfigPath })
  await using proxy = await connectProxy()
  const client = connect({ ...config, proxy: proxy.url }, { compress: true })
  const [small, plain] = await Promise.all([
    client.list(ConfigMaps, { namespace }),
    kube.list(ConfigMaps, { namespace }),
  ])
  assert.ok(JSON.stringify(plain).length > 128 * 1024)
  assert.deepEqual(small, plain)
  assert.ok(proxy.received < 64 * 1024, `${proxy.received} bytes came`)
  const { resourceVersion } = plain
  await kube.patch(ConfigMaps, 'cm-0', { merge: { data: { text: 'neu' } } }, { namespace })
  for await (const event of client.watch(ConfigMaps, { namespace, resourceVersion })) {
    if (event.type === 'BOOKMARK') continue
    assert.deepEqual(event.object['data'], { text: 'neu' })
    break
  }
  await assert.rejects(client.get(ConfigMaps, 'none', { namespace }), { problem: 'not-found' })
  await client.close()
})

test('a foreground deletion ends the dependents first; an orphaning one leaves them, without owner', async () => {
  await using space = await testNamespace(kube)
  const namespace = space.name
  const spec = {
    replicas: 0,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'main', image: 'example.com/web:1' }] },
    },
  }
  const replicaSets = async (): Promise<KubeObject[]> => (await kube.list(ReplicaSets, { namespace })).items
  const made = async (): Promise<KubeObject> => {
    await make(kube, Deployments, { namespace, name: 'web', spec })
    for (;;) {
      const [found] = await replicaSets()
      if (found !== undefined) return found
      await pause(50)
    }
  }
  const gone = async (type: ResourceType, name: string): Promise<void> => {
    while ((await kube.find(type, name, { namespace })) !== undefined) await pause(50)
  }
  const first = await made()
  // A dependent that cannot go yet holds its owner back.
  const { name } = first.metadata
  await kube.patch(ReplicaSets, name, { merge: { metadata: { finalizers: ['lifeboat.test/hold'] } } }, { namespace })
  await kube.delete(Deployments, 'web', { namespace, propagation: 'Foreground' })
  while ((await kube.get(ReplicaSets, name, { namespace })).metadata.deletionTimestamp === undefined) await pause(50)
  const waiting = await kube.get(Deployments, 'web', { namespace })
  assert.deepEqual(waiting.metadata.finalizers, ['foregroundDeletion'])
  await kube.patch(ReplicaSets, name, { merge: { metadata: { finalizers: null } } }, { namespace })
  await Promise.all([gone(ReplicaSets, name), gone(Deployments, 'web')])

  const second = await made()
  assert.deepEqual(
    second.metadata.ownerReferences?.map(({ kind }) => kind),
    ['Deployment'],
  )
  await kube.delete(Deployments, 'web', { namespace, propagation: 'Orphan' })
  await gone(Deployments, 'web')
  const [left] = await replicaSets()
  assert.deepEqual([left?.metadata.uid, left?.metadata.ownerReferences], [second.metadata.uid, undefined])
})
