import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import { loadKubeConfig } from '#kube/config.ts'
import { connect } from '#kube/connect.ts'
import { parseJson } from '#kube/json.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { ownCluster, testNamespace } from '../support/cluster.ts'

const ConfigMaps: ResourceType = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true }
const APIServices: ResourceType = {
  group: 'apiregistration.k8s.io',
  version: 'v1',
  plural: 'apiservices',
  kind: 'APIService',
  namespaced: false,
}
const CRDs: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}

let cluster: Awaited<ReturnType<typeof ownCluster>>
let kube: KubeClient
let kubeconfigPath: string
before(async () => {
  cluster = await ownCluster()
  ;({ kube, kubeconfigPath } = cluster)
})
after(() => cluster[Symbol.asyncDispose]())

function configMap(namespace: string, name: string, data: Record<string, string> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data }
}

test('an object is created, read, replaced, patched and deleted, and each refusal says which object', async () => {
  await using space = await testNamespace(kube)
  const namespace = space.name
  const made = await kube.create(ConfigMaps, configMap(namespace, 'a', { x: '1' }))
  await assert.rejects(kube.create(ConfigMaps, configMap(namespace, 'a')), {
    problem: 'already-exists',
    status: 409,
    object: `configmaps ${namespace}/a`,
  })
  await kube.replace(ConfigMaps, { ...made, data: { x: '2' } })
  await assert.rejects(kube.replace(ConfigMaps, { ...made, data: { x: '3' } }), { problem: 'conflict' })
  await kube.patch(ConfigMaps, 'a', { merge: { data: { y: '<&>' } } }, { namespace })
  await kube.patch(ConfigMaps, 'a', { json: [{ op: 'remove', path: '/data/x' }] }, { namespace })
  await kube.createUnread(ConfigMaps, configMap(namespace, 'c', { x: 'x'.repeat(300_000) }))
  assert.equal(((await kube.get(ConfigMaps, 'c', { namespace }))['data'] as { x: string }).x.length, 300_000)
  await assert.rejects(kube.createUnread(ConfigMaps, configMap(namespace, 'c')), { problem: 'already-exists' })
  await kube.createUnread(ConfigMaps, configMap(namespace, 'b'), { dryRun: true })
  await kube.create(ConfigMaps, configMap(namespace, 'b'), { dryRun: true })
  assert.equal(await kube.find(ConfigMaps, 'b', { namespace }), undefined)
  assert.deepEqual((await kube.get(ConfigMaps, 'a', { namespace }))['data'], { y: '<&>' })
  await assert.rejects(kube.delete(ConfigMaps, 'a', { namespace, uid: 'another' }), { problem: 'conflict' })
  assert.equal(
    await kube.delete(ConfigMaps, 'a', { namespace, uid: made.metadata.uid, propagation: 'Background' }),
    true,
  )
  assert.equal(await kube.delete(ConfigMaps, 'a', { namespace }), false)
  await assert.rejects(kube.get(ConfigMaps, 'a', { namespace }), { problem: 'not-found', reason: 'NotFound' })
  await assert.rejects(kube.create(ConfigMaps, configMap(namespace, 'Not_A_Name')), { problem: 'invalid', status: 422 })
})

test('pages hold every object once at one version, each with apiVersion and kind in front, while others are created', async () => {
  await using space = await testNamespace(kube)
  const namespace = space.name
  await Promise.all(Array.from({ length: 60 }, (_, i) => kube.create(ConfigMaps, configMap(namespace, `cm-${i}`))))
  const exact = (await kube.list(ConfigMaps, { namespace, limit: 1 })).resourceVersion
  const names: string[] = []
  for await (const page of kube.pages(ConfigMaps, {
    namespace,
    limit: 7,
    resourceVersion: exact,
    resourceVersionMatch: 'Exact',
  })) {
    assert.equal(page.resourceVersion, exact)
    for (const item of page.items)
      assert.deepEqual(
        [Object.keys(item).slice(0, 2), item.apiVersion, item.kind],
        [['apiVersion', 'kind'], 'v1', 'ConfigMap'],
      )
    names.push(...page.items.map(({ metadata }) => metadata.name))
    await kube.create(ConfigMaps, configMap(namespace, `late-${names.length}`))
  }
  const expected = [...Array.from({ length: 60 }, (_, i) => `cm-${i}`), 'kube-root-ca.crt'].toSorted()
  assert.deepEqual(names.toSorted(), expected)
})

test('server-side apply tells who owns a field, and force takes it', async () => {
  await using space = await testNamespace(kube)
  const namespace = space.name
  await kube.apply(ConfigMaps, configMap(namespace, 'a', { x: '1' }), { fieldManager: 'one' })
  const other = configMap(namespace, 'a', { x: '2' })
  await assert.rejects(
    kube.apply(ConfigMaps, other, { fieldManager: 'two' }),
    (error: { problem: string; causes: { field?: string }[] }) => {
      assert.equal(error.problem, 'conflict')
      assert.deepEqual(
        error.causes.map(({ field }) => field),
        ['.data.x'],
      )
      return true
    },
  )
  assert.deepEqual((await kube.apply(ConfigMaps, other, { fieldManager: 'two', force: true }))['data'], { x: '2' })
})

test('a watch goes on over ended connections, without loss or repetition, and ends with the reason of the signal', async () => {
  await using space = await testNamespace(kube)
  const namespace = space.name
  const { resourceVersion } = await kube.list(ConfigMaps, { namespace, limit: 1 })
  const seen: string[] = []
  await kube.create(ConfigMaps, configMap(namespace, 'a'))
  let later: Promise<unknown> | undefined
  for await (const event of kube.watch(ConfigMaps, { namespace, resourceVersion, timeoutSeconds: 1 })) {
    if (event.type === 'BOOKMARK') continue
    seen.push(`${event.type} ${event.object.metadata.name}`)
    // Several connections later.
    later ??= sleep(4000).then(() => kube.delete(ConfigMaps, 'a', { namespace }))
    if (seen.length === 2) break
  }
  await later
  assert.deepEqual(seen, ['ADDED a', 'DELETED a'])
  const stop = new AbortController()
  setTimeout(() => stop.abort(new Error('enough')), 300)
  await assert.rejects(Array.fromAsync(kube.watch(ConfigMaps, { namespace, resourceVersion, signal: stop.signal })), {
    message: 'enough',
  })
})

// The server plans a bookmark for two seconds before the time-out of a connection, and none on one that took longer than that to
// begin: the time-out leaves a slow machine room for it.
test('a watch passes bookmarks on', { timeout: 180_000 }, async () => {
  await using space = await testNamespace(kube)
  const namespace = space.name
  const { resourceVersion } = await kube.list(ConfigMaps, { namespace, limit: 1 })
  await kube.create(ConfigMaps, configMap(namespace, 'a'))
  for await (const event of kube.watch(ConfigMaps, { namespace, resourceVersion, timeoutSeconds: 10 })) {
    if (event.type !== 'BOOKMARK') continue
    assert.ok(BigInt(event.resourceVersion) >= BigInt(resourceVersion))
    return
  }
})

test('integers that no double holds come back as they were sent', async () => {
  const group = 'precision.lifeboat.test'
  const Numbers: ResourceType = { group, version: 'v1', plural: 'numbers', kind: 'Number', namespaced: false }
  const schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  await kube.create(CRDs, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `numbers.${group}` },
    spec: {
      group,
      scope: 'Cluster',
      names: { plural: 'numbers', kind: 'Number' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  })
  try {
    await until(async () => (await kube.discover()).types.some(({ plural }) => plural === 'numbers'))
    const spec = parseJson('9223372036854775807')
    await kube.create(Numbers, {
      apiVersion: `${group}/v1`,
      kind: 'Number',
      metadata: { name: 'a' },
      spec: { big: spec },
    })
    assert.match(JSON.stringify(await kube.get(Numbers, 'a')), /"big":9223372036854775807[,}]/)
    assert.match(JSON.stringify((await kube.list(Numbers)).items), /"big":9223372036854775807[,}]/)
  } finally {
    await kube.delete(CRDs, `numbers.${group}`)
  }
})

test('discovery knows scope, verbs and preferred versions, and reports what a dead extension server hides', async () => {
  await kube.create(APIServices, {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: 'v1.dead.lifeboat.test' },
    spec: {
      group: 'dead.lifeboat.test',
      version: 'v1',
      groupPriorityMinimum: 100,
      versionPriority: 100,
      insecureSkipTLSVerify: true,
      service: { name: 'none', namespace: 'default' },
    },
  })
  try {
    await until(async () =>
      (await kube.discover()).failures.some(
        ({ groupVersion, message }) => groupVersion === 'dead.lifeboat.test/v1' && message !== '',
      ),
    )
  } finally {
    await kube.delete(APIServices, 'v1.dead.lifeboat.test')
  }
  const { types } = await kube.discover()
  const pods = types.find(({ group, plural }) => group === '' && plural === 'pods')
  assert.deepEqual([pods?.kind, pods?.namespaced, pods?.preferred, pods?.shortNames], ['Pod', true, true, ['po']])
  assert.ok(pods?.verbs.includes('deletecollection'))
  assert.ok(!types.some(({ plural }) => plural.includes('/')))
  const scalers = types.filter(({ plural }) => plural === 'horizontalpodautoscalers')
  assert.deepEqual(
    scalers.map(({ version, preferred }) => [version, preferred]),
    [
      ['v2', true],
      ['v1', false],
    ],
  )
})

test('whoever may not list is told the verb and the type, and a wrong token is called that', async () => {
  const config = await loadKubeConfig({ env: {}, home: '/', kubeconfig: kubeconfigPath })
  const nobody = connect({ ...config, user: { ...config.user, headers: { 'impersonate-user': ['nobody'] } } })
  await assert.rejects(nobody.list(ConfigMaps), {
    problem: 'forbidden',
    status: 403,
    message: /cannot list configmaps.*verb "list" on configmaps/,
  })
  const wrong = connect({ ...config, user: { token: 'wrong' } })
  await assert.rejects(wrong.list(ConfigMaps), { problem: 'unauthorized' })
  const stranger = connect({ ...config, ca: undefined })
  await assert.rejects(stranger.version(), { problem: 'certificate', message: /authority/ })
  await Promise.all([nobody.close(), wrong.close(), stranger.close()])
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, 'not within 30 s')
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
