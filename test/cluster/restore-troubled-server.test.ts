// A target cluster that is in trouble itself while a restore runs.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { KubeClient } from '#kube/client.ts'
import { memoryStore } from '#store/memory.ts'
import { restartApiServer } from '../support/api-server.ts'
import { backUp } from '../support/backup-run.ts'
import { ownCluster, testNamespace } from '../support/cluster.ts'
import { fillUp } from '../support/etcd.ts'
import { faultyApi } from '../support/faulty-api.ts'
import { ConfigMaps, make, Namespaces } from '../support/objects.ts'
import { bringBack, namesIn, removeNamespace } from './restore-order.ts'

let cluster: Awaited<ReturnType<typeof ownCluster>>
let kube: KubeClient
before(async () => {
  cluster = await ownCluster()
  ;({ kube } = cluster)
})
after(() => cluster[Symbol.asyncDispose]())

const ownIn = async (namespace: string): Promise<string[]> =>
  (await namesIn(kube, ConfigMaps, namespace)).filter((name) => name !== 'kube-root-ca.crt')

/** A namespace with many ConfigMaps, backed up and gone. */
async function lostCrowd(
  objects: number,
): Promise<AsyncDisposable & { name: string; store: ReturnType<typeof memoryStore> }> {
  await using namespace = await testNamespace(kube)
  const { name } = namespace
  const store = memoryStore()
  for (let made = 0; made < objects; made += 50) {
    const batch = Array.from({ length: 50 }, (_, at) => `c-${made + at}`)
    await Promise.all(batch.map((one) => make(kube, ConfigMaps, { name: one, namespace: name, data: { one } })))
  }
  await backUp({ kube, store, spec: { includedNamespaces: [name] } })
  await removeNamespace(kube, name)
  return { name, store, [Symbol.asyncDispose]: async () => void (await kube.delete(Namespaces, name)) }
}

test('an etcd that is full refuses objects one by one; with room again a second run brings those', async () => {
  const objects = 400
  await using crowd = await lostCrowd(objects)
  const { name, store } = crowd
  let full: Promise<void> | undefined
  const spec = { includedNamespaces: [name] }
  try {
    const first = await bringBack({
      kube,
      store,
      name: 'first',
      spec,
      onProgress: ({ itemsRestored }) => void (itemsRestored > 50 && (full ??= fillUp(cluster.sandbox.etcdUrl, true))),
    })
    const { phase, errors = 0 } = first.restore.status ?? {}
    assert.equal(phase, 'PartiallyFailed')
    assert.ok(errors > 0 && errors < objects, `${errors} errors`)
    for (const message of first.results.errors.namespaces?.[name] ?? []) {
      assert.match(message, new RegExp(`^error restoring configmaps/${name}/\\S+: .*database space exceeded`))
    }
  } finally {
    await full
    await fillUp(cluster.sandbox.etcdUrl, false)
  }
  const second = await bringBack({ kube, store, name: 'second', spec })
  assert.equal(second.restore.status?.phase, 'Completed', JSON.stringify(second.results).slice(0, 1000))
  assert.equal((await ownIn(name)).length, objects)
})

for (const fault of ['reset', 'cut'] as const) {
  const what = fault === 'reset' ? 'A request to make a namespace' : 'The answer to the making of a namespace'
  test(`${what} that is lost with the connection costs time, and the namespace counts as created`, async () => {
    await using crowd = await lostCrowd(50)
    const { name, store } = crowd
    let lost = 0
    const isCreate = ({ pathname, searchParams }: URL): boolean =>
      pathname === '/api/v1/namespaces' && searchParams.has('fieldManager')
    await using api = await faultyApi(cluster.kubeconfigPath, (url) => {
      if (!isCreate(url) || lost === 2) return undefined
      lost += 1
      return fault
    })
    const { restore, results, resourceList } = await bringBack({
      kube: api.kube,
      store,
      spec: { includedNamespaces: [name] },
    })
    assert.equal(lost, 2)
    assert.deepEqual([restore.status?.phase, results.errors, results.warnings], ['Completed', {}, {}])
    assert.deepEqual(resourceList['v1/Namespace'], [`${name}(created)`])
    assert.equal((await ownIn(name)).length, 50)
  })
}

// The last one: the server that it starts ends with it.
test('an API server that is restarted in the middle only makes the restore longer', async () => {
  const objects = 600
  await using crowd = await lostCrowd(objects)
  const { name, store } = crowd
  let killed: Promise<AsyncDisposable> | undefined
  const restart = (): Promise<AsyncDisposable> => restartApiServer(cluster.sandbox.pids['kube-apiserver'])
  after(async () => await (await killed)?.[Symbol.asyncDispose]())
  const { restore, results, resourceList } = await bringBack({
    kube,
    store,
    spec: { includedNamespaces: [name] },
    onProgress: ({ itemsRestored }) => void (itemsRestored > 50 && (killed ??= restart())),
  })
  await killed
  assert.ok(killed !== undefined, 'the restore was over before the API server was')
  assert.deepEqual([restore.status?.phase, results.errors, results.warnings], ['Completed', {}, {}])
  assert.equal((await ownIn(name)).length, objects)
  const made = (resourceList['v1/ConfigMap'] ?? []).filter((line) => line.endsWith('(created)'))
  assert.ok(made.length >= objects, `${made.length} created`)
})
