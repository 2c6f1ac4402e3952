import assert from 'node:assert/strict'
import { readFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { KubeClient } from '#kube/client.ts'
import { loadKubeConfig } from '#kube/config.ts'
import { connect } from '#kube/connect.ts'
import { createAuthority, createServingCertificate, longValidity } from '#sandbox/certificate.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { connectProxy } from '../support/connect-proxy.ts'
import { changedKubeconfig } from '../support/kubeconfig.ts'
import { ConfigMaps, make } from '../support/objects.ts'

let kube: KubeClient
let kubeconfigPath: string
let folder: string
before(async () => {
  ;({ kube, kubeconfigPath } = await sharedCluster())
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-proxy-'))
})
after(async () => {
  await kube.close()
  await rm(folder, { recursive: true })
})

/** A client of the shared cluster through the proxy that the kubeconfig names; without one as the environment says. */
async function clientThrough(proxy: string | undefined, env: Record<string, string> = {}, server?: string) {
  const kubeconfig = await changedKubeconfig(kubeconfigPath, folder, ({ clusters: [{ cluster }] }) => {
    if (proxy !== undefined) cluster['proxy-url'] = proxy
    if (server !== undefined) Object.assign(cluster, { server, 'tls-server-name': 'localhost' })
  })
  // One connection, so that a call goes where the one before it went.
  const client = connect(await loadKubeConfig({ env, home: '/', kubeconfig }), { connections: 1 })
  return { client, [Symbol.asyncDispose]: () => client.close() }
}

test('through the proxy of a kubeconfig, client certificates, writes and watches work as without', async () => {
  await using space = await testNamespace(kube)
  const namespace = space.name
  await using proxy = await connectProxy()
  // NO_PROXY is about the environment's proxy; the kubeconfig's is always used, as by kubectl.
  await using through = await clientThrough(proxy.url, { NO_PROXY: '*' })
  const { resourceVersion } = await through.client.list(ConfigMaps, { namespace, limit: 1 })
  await make(through.client, ConfigMaps, { namespace, name: 'a' })
  for await (const event of through.client.watch(ConfigMaps, { namespace, resourceVersion })) {
    assert.deepEqual(event.type === 'ADDED' && event.object.metadata.name, 'a')
    break
  }
  assert.equal((await kube.get(ConfigMaps, 'a', { namespace })).metadata.name, 'a')
  assert.deepEqual(new Set(proxy.asked), new Set([new URL(kube.server).host]))
})

test('an https proxy is trusted when the authority of the cluster vouches for it, and not otherwise', async () => {
  const validity = longValidity(new Date())
  const authority = await createAuthority('proxies', validity)
  const tls = await createServingCertificate(authority, { commonName: 'proxy', hosts: ['127.0.0.1'], validity })
  await using proxy = await connectProxy(tls)
  const config = await loadKubeConfig({ env: {}, home: '/', kubeconfig: kubeconfigPath })
  assert.ok(config.ca !== undefined)
  const ca = 'data' in config.ca ? config.ca.data : await readFile(config.ca.file, 'utf8')
  const trusting = connect({ ...config, ca: { data: `${ca}\n${authority.cert}` }, proxy: proxy.url })
  const strict = connect({ ...config, proxy: proxy.url })
  assert.equal((await trusting.version()).major, '1')
  await assert.rejects(strict.version(), { message: /the proxy https:\/\/127\.0\.0\.1:\d+ cannot be reached/ })
  assert.equal(proxy.asked.length, 1)
  await Promise.all([trusting.close(), strict.close()])
})

test('HTTPS_PROXY is used for servers elsewhere, unless NO_PROXY exempts them', async () => {
  await using proxy = await connectProxy()
  const { port } = new URL(kube.server)
  // An address of this machine that the rules do not count among the loopback ones.
  const server = `https://0.0.0.0:${port}`
  await using through = await clientThrough(undefined, { HTTPS_PROXY: proxy.url }, server)
  assert.equal((await through.client.version()).major, '1')
  assert.deepEqual(proxy.asked, [`0.0.0.0:${port}`])
  await using exempt = await clientThrough(undefined, { HTTPS_PROXY: proxy.url, NO_PROXY: '0.0.0.0/32' }, server)
  assert.equal((await exempt.client.version()).major, '1')
  assert.equal(proxy.asked.length, 1)
})

test('a create is sent again when the tunnel was refused, and only once when the answer was lost', async () => {
  await using space = await testNamespace(kube)
  const namespace = space.name
  await using proxy = await connectProxy()
  proxy.refuseNext = 1
  await using through = await clientThrough(proxy.url)
  await make(through.client, ConfigMaps, { namespace, name: 'a' })
  assert.equal(through.client.calls, 2)
  proxy.cutsAnswers = true
  // Told that the object may be there: it would be 'already-exists' if the create had been repeated.
  await assert.rejects(make(through.client, ConfigMaps, { namespace, name: 'b' }), {
    problem: 'unreachable',
    message: /may have done it/,
  })
  assert.equal(through.client.calls, 3)
  assert.ok(await kube.find(ConfigMaps, 'b', { namespace }))
})
