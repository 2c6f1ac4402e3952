import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:https'
import { networkInterfaces } from 'node:os'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import { loadKubeConfig } from '#kube/config.ts'
import { connect } from '#kube/connect.ts'
import type { ResourceType } from '#kube/object.ts'
import { createAuthority, longValidity } from '#sandbox/certificate.ts'
import { memoryStore } from '#store/memory.ts'
import { findingsOf } from '../support/backup-results.ts'
import { backUp, namesOf, readBackup, type StoredContents } from '../support/backup-run.ts'
import { ownCluster } from '../support/cluster.ts'
import { customType, define } from '../support/custom-type.ts'
import { ConfigMaps, Definitions, make, Namespaces } from '../support/objects.ts'

const limit = { timeout: 40_000 }
const ApiServices: ResourceType = {
  group: 'apiregistration.k8s.io',
  version: 'v1',
  plural: 'apiservices',
  kind: 'APIService',
  namespaced: false,
}

let cluster: Awaited<ReturnType<typeof ownCluster>>
let kube: KubeClient
/** Bears three seconds of silence or failures in one call instead of a minute. */
let hasty: KubeClient
before(async () => {
  cluster = await ownCluster()
  ;({ kube } = cluster)
  const config = await loadKubeConfig({ env: {}, home: '/', kubeconfig: cluster.kubeconfigPath })
  hasty = connect(config, { patienceMillis: 3000 })
  await make(kube, Namespaces, { name: 'shop' })
  await make(kube, ConfigMaps, { namespace: 'shop', name: 'prices' })
})
after(async () => {
  await hasty.close()
  await cluster[Symbol.asyncDispose]()
})

interface Outcome extends StoredContents {
  phase: string | undefined
  errors: string[]
  warnings: string[]
}

/** Backs up the whole cluster and makes sure that what works is there. */
async function backUpAll(): Promise<Outcome> {
  const store = memoryStore()
  const { status } = await backUp({ kube: hasty, store })
  const contents = await readBackup(store)
  assert.ok(namesOf(contents, 'configmaps').includes('shop/prices'))
  assert.deepEqual(contents.verification.differences, [])
  return { ...contents, ...(await findingsOf(store)), phase: status?.phase }
}

/** Waits until discovery says what it should. */
async function discovered(isSo: (found: Awaited<ReturnType<KubeClient['discover']>>) => boolean): Promise<void> {
  while (!isSo(await kube.discover())) await pause(100)
}

test('a type whose conversion webhook is down costs that type, with the reason, and nothing else', limit, async () => {
  const type = customType('turncoats')
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  await define(kube, type)
  await make(kube, type, { namespace: 'shop', name: 'stored-as-v1' })
  await kube.patch(Definitions, 'turncoats.faults.lifeboat.test', {
    merge: {
      spec: {
        versions: [
          { name: 'v1', served: true, storage: true, schema },
          { name: 'v2', served: true, storage: false, schema },
        ],
        conversion: {
          strategy: 'Webhook',
          webhook: { clientConfig: { url: 'https://127.0.0.1:1/convert' }, conversionReviewVersions: ['v1'] },
        },
      },
    },
  })
  await discovered(({ types }) =>
    types.some(({ plural, version, preferred }) => plural === 'turncoats' && version === 'v2' && preferred),
  )
  const { phase, errors } = await backUpAll()
  assert.equal(phase, 'PartiallyFailed')
  assert.equal(errors.length, 1, errors.join('\n'))
  assert.match(errors[0] ?? '', /turncoats\.faults\.lifeboat\.test/)
  assert.match(errors[0] ?? '', /conversion webhook .* failed.*connection refused/)
  await kube.delete(Definitions, 'turncoats.faults.lifeboat.test')
  await discovered(({ types }) => types.every(({ plural }) => plural !== 'turncoats'))
})

async function aggregate(group: string, service: string): Promise<AsyncDisposable> {
  await make(kube, ApiServices, {
    name: `v1.${group}`,
    spec: {
      group,
      version: 'v1',
      groupPriorityMinimum: 100,
      versionPriority: 100,
      insecureSkipTLSVerify: true,
      service: { namespace: 'shop', name: service, port: 443 },
    },
  })
  return {
    async [Symbol.asyncDispose]() {
      await kube.delete(ApiServices, `v1.${group}`)
      await discovered(({ types, failures }) =>
        [...types, ...failures.map(({ groupVersion }) => ({ group: groupVersion.split('/')[0] }))].every(
          (one) => one.group !== group,
        ),
      )
    },
  }
}

test('an extension API server that is down is a warning, as Velero gives it', limit, async () => {
  await using _down = await aggregate('down.lifeboat.test', 'nobody')
  await discovered(({ failures }) => failures.length > 0)
  const { phase, errors, warnings } = await backUpAll()
  assert.deepEqual([phase, errors], ['Completed', []])
  const [warning, ...others] = warnings.filter((line) => line.includes('down.lifeboat.test'))
  assert.deepEqual(others, [])
  assert.match(warning ?? '', /Failed to discover group: down\.lifeboat\.test\/v1/)
  assert.match(warning ?? '', /stale GroupVersion discovery: down\.lifeboat\.test\/v1/)
})

/** An extension API server with the one type `stones`: it tells of it, and falls silent when the stones are listed. */
async function hangingServer(group: string): Promise<AsyncDisposable & { port: number; asked: () => number }> {
  const { cert, key } = await createAuthority('hanging', longValidity(new Date()))
  const groupVersion = `${group}/v1`
  const version = { groupVersion, version: 'v1' }
  const stones = {
    name: 'stones',
    singularName: 'stone',
    namespaced: true,
    kind: 'Stone',
    verbs: ['create', 'delete', 'get', 'list'],
  }
  const apiGroup = { kind: 'APIGroup', apiVersion: 'v1', name: group, versions: [version], preferredVersion: version }
  const documents: Record<string, object> = {
    '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [apiGroup] },
    [`/apis/${group}`]: apiGroup,
    [`/apis/${groupVersion}`]: { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: [stones] },
  }
  let lists = 0
  const server = createServer({ cert, key }, (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'https://server')
    if (pathname.endsWith('/stones')) {
      lists += 1
      return
    }
    const document = documents[pathname]
    response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(document ?? {}))
  })
  server.listen(0)
  await once(server, 'listening')
  return {
    port: (server.address() as { port: number }).port,
    asked: () => lists,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

test(
  'an extension API server that takes requests and never answers costs its own type and a bounded time',
  limit,
  async () => {
    const group = 'hanging.lifeboat.test'
    await using server = await hangingServer(group)
    // An endpoint may not be a loopback address.
    const ip = Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === 'IPv4' && !one.internal)?.address
    assert.ok(ip !== undefined, 'this machine has no address but its own')
    await make(
      kube,
      { ...ConfigMaps, plural: 'services', kind: 'Service' },
      { namespace: 'shop', name: 'stones', spec: { ports: [{ port: 443 }] } },
    )
    await make(
      kube,
      { ...ConfigMaps, plural: 'endpoints', kind: 'Endpoints' },
      { namespace: 'shop', name: 'stones', subsets: [{ addresses: [{ ip }], ports: [{ port: server.port }] }] },
    )
    await using _hanging = await aggregate(group, 'stones')
    await discovered(({ types }) => types.some((type) => type.group === group))
    const began = performance.now()
    const { phase, errors } = await backUpAll()
    assert.ok(performance.now() - began < 20_000)
    assert.ok(server.asked() > 0)
    assert.equal(phase, 'PartiallyFailed')
    assert.equal(errors.length, 1, errors.join('\n'))
    assert.match(errors[0] ?? '', /stones\.hanging\.lifeboat\.test.*silent/)
  },
)
