import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { BackupError } from '#backup/error.ts'
import type { KubeClient } from '#kube/client.ts'
import { memoryStore } from '#store/memory.ts'
import type { ObjectStore } from '#store/store.ts'
import { findingsOf } from '../support/backup-results.ts'
import { backUp, namesOf, readBackup } from '../support/backup-run.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { faultyApi, type Fault } from '../support/faulty-api.ts'
import { ConfigMaps, make } from '../support/objects.ts'

const limit = { timeout: 40_000 }
const MANY = 1100
const busy: Fault = { status: 429, body: '{"kind":"Status","message":"too many requests","reason":"TooManyRequests"}' }
const broken: Fault = { status: 500, body: '{"kind":"Status","message":"etcdserver: leader changed"}' }

let kube: KubeClient
let kubeconfigPath: string
before(async () => {
  ;({ kube, kubeconfigPath } = await sharedCluster())
})

interface Attempt {
  phase: string | undefined
  store: ObjectStore
}

/** Backs up ConfigMaps and Secrets of `namespace` through a server of which `decide` spoils some answers. */
async function backUpThrough(
  decide: (url: URL) => Fault | undefined,
  {
    namespace,
    store = memoryStore(),
    patienceMillis,
  }: { namespace: string; store?: ObjectStore; patienceMillis?: number },
): Promise<Attempt> {
  await using api = await faultyApi(kubeconfigPath, decide, { patienceMillis })
  const spec = { includedNamespaces: [namespace], includedResources: ['configmaps', 'secrets', 'namespaces'] }
  const { status } = await backUp({ kube: api.kube, store, spec })
  return { phase: status?.phase, store }
}

async function fill(namespace: string): Promise<string[]> {
  const names = Array.from({ length: MANY }, (_, i) => `n-${String(i).padStart(5, '0')}`)
  const waiting = names.values()
  const worker = async (): Promise<void> => {
    for (const name of waiting) await make(kube, ConfigMaps, { namespace, name })
  }
  await Promise.all(Array.from({ length: 16 }, worker))
  return [...names, 'kube-root-ca.crt'].map((name) => `${namespace}/${name}`).toSorted()
}

const isConfigMaps = (url: URL): boolean => url.pathname.endsWith('/configmaps')
const isLaterPage = (url: URL): boolean => isConfigMaps(url) && url.searchParams.has('continue')

test('answers that fail on and off, are cut in the middle or reset cost time, not objects', limit, async () => {
  await using shop = await testNamespace(kube)
  const all = await fill(shop.name)
  const faults = [undefined, broken, undefined, 'reset', 'cut', undefined, busy, 'cut', 'reset'] as const
  let requests = 0
  const { phase, store } = await backUpThrough(() => faults[requests++ % faults.length], { namespace: shop.name })
  assert.ok(requests > 2 * faults.length)
  assert.equal(phase, 'Completed')
  assert.deepEqual((await findingsOf(store)).errors, [])
  const contents = await readBackup(store)
  assert.deepEqual(namesOf(contents, 'configmaps'), all)
  assert.deepEqual(contents.verification.differences, [])
})

const lasting: Record<string, { fault: Fault; reason: RegExp }> = {
  'is cut in the middle every time': { fault: 'cut', reason: /connection failed/ },
  'fails every time': { fault: broken, reason: /leader changed/ },
  'never comes': { fault: 'hang', reason: /silent/ },
  'is a page of some proxy': {
    fault: { status: 200, body: '<html>Log in</html>' },
    reason: /not an API server's.*Log in/,
  },
  'ends too early without anybody noticing': {
    fault: { status: 200, body: '{"metadata":{},"items":[{"meta' },
    reason: /not an API server's/,
  },
  'is an empty object': { fault: { status: 200, body: '{}' }, reason: /not an API server's/ },
}

for (const [what, { fault, reason }] of Object.entries(lasting)) {
  test(`a page that ${what} ends its list with the reason; the other types are whole`, limit, async () => {
    await using shop = await testNamespace(kube)
    await fill(shop.name)
    const decide = (url: URL): Fault | undefined => (isLaterPage(url) ? fault : undefined)
    const { phase, store } = await backUpThrough(decide, { namespace: shop.name, patienceMillis: 1500 })
    assert.equal(phase, 'PartiallyFailed')
    const { errors } = await findingsOf(store)
    assert.equal(errors.length, 1, errors.join('\n'))
    assert.match(errors[0] ?? '', /configmaps/)
    assert.match(errors[0] ?? '', reason)
    const contents = await readBackup(store)
    assert.deepEqual(namesOf(contents, 'namespaces'), [shop.name])
    assert.deepEqual(contents.verification.differences, [])
    assert.ok(namesOf(contents, 'configmaps').length < MANY)
  })
}

for (const [what, fault] of Object.entries({
  'no longer answers': 'hang',
  'no longer takes connections': 'reset',
} as const)) {
  test(`an API server that ${what} from the middle on ends the backup, and nothing is left of it`, limit, async () => {
    await using shop = await testNamespace(kube)
    await fill(shop.name)
    const store = memoryStore()
    let gone = false
    const decide = (url: URL): Fault | undefined => {
      gone ||= isLaterPage(url)
      return gone ? fault : undefined
    }
    const run = backUpThrough(decide, { namespace: shop.name, store, patienceMillis: 1500 })
    await assert.rejects(run, (error) => {
      assert.ok(error instanceof BackupError, String(error))
      assert.equal(error.problem, 'cluster')
      assert.match(error.message, /configmaps.*cannot reach http/)
      return true
    })
    assert.deepEqual(await Array.fromAsync(store.list('')), [])
  })
}
