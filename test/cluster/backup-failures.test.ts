import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { BackupError, type BackupProblem } from '#backup/error.ts'
import { runBackup } from '#backup/run.ts'
import type { KubeClient } from '#kube/client.ts'
import { loadKubeConfig } from '#kube/config.ts'
import { connect } from '#kube/connect.ts'
import { KubeError } from '#kube/error.ts'
import type { ResourceType, ServedType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import { fileStore } from '#store/file.ts'
import { memoryStore } from '#store/memory.ts'
import { StoreError, type ObjectStore } from '#store/store.ts'
import { backUp, namesOf, readBackup } from '../support/backup-run.ts'
import { ownCluster, testNamespace } from '../support/cluster.ts'
import { ClusterRoleBindings, ClusterRoles, ConfigMaps, make } from '../support/objects.ts'

let cluster: Awaited<ReturnType<typeof ownCluster>>
let kube: KubeClient
let kubeconfigPath: string
before(async () => {
  cluster = await ownCluster()
  ;({ kube, kubeconfigPath } = cluster)
})
after(() => cluster[Symbol.asyncDispose]())

async function keysIn(store: ObjectStore): Promise<string[]> {
  return await Array.fromAsync(store.list(''), ({ key }) => key)
}

/** The error with which `run` must end. */
async function failureOf(run: Promise<unknown>, problem: BackupProblem): Promise<BackupError> {
  const error = await run.then(
    () => assert.fail('the backup was made'),
    (error: unknown) => error,
  )
  assert.ok(error instanceof BackupError, String(error))
  assert.equal(error.problem, problem, error.message)
  return error
}

/** A client of a user who may list `types` and nothing else. The server decides: it is told to act as that user. */
async function limitedUser(
  name: string,
  types: readonly ServedType[],
): Promise<{ kube: KubeClient } & AsyncDisposable> {
  const rules = types.map(({ group, plural }) => ({ apiGroups: [group], resources: [plural], verbs: ['list'] }))
  await make(kube, ClusterRoles, { name, rules })
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name }
  await make(kube, ClusterRoleBindings, { name, roleRef, subjects: [{ kind: 'User', name }] })
  const config = await loadKubeConfig({ env: {}, home: '/', kubeconfig: kubeconfigPath })
  const headers = { 'Impersonate-User': [name], 'Impersonate-Group': ['system:authenticated'] }
  const limited = connect({ ...config, user: { ...config.user, headers } })
  const granted = types.find(({ verbs }) => verbs.includes('list'))
  while (granted !== undefined && !(await mayList(limited, granted))) await pause(50)
  return {
    kube: limited,
    async [Symbol.asyncDispose]() {
      await limited.close()
      await kube.delete(ClusterRoleBindings, name)
      await kube.delete(ClusterRoles, name)
    },
  }
}

/** The server learns of a new role after a moment, of all its rules at once. */
async function mayList(client: KubeClient, type: ResourceType): Promise<boolean> {
  try {
    await client.list(type, { limit: 1 })
    return true
  } catch (error) {
    if (error instanceof KubeError && error.problem === 'forbidden') return false
    throw error
  }
}

async function typesBut(...names: string[]): Promise<ServedType[]> {
  const { types } = await kube.discover()
  return types.filter((type) => !names.includes(resourceName(type)))
}

test('without permission to list some types, the error names every one and the verb, and nothing is stored', async () => {
  await using user = await limitedUser('partly-blind', await typesBut('secrets', 'deployments.apps'))
  const store = memoryStore()
  const { message } = await failureOf(backUp({ kube: user.kube, store }), 'forbidden')
  assert.match(message, /list 2 types: deployments\.apps, secrets;/)
  assert.match(message, /verb "list"/)
  assert.deepEqual(await keysIn(store), [])
})

test('types that may not be listed do not matter when they are left out', async () => {
  await using user = await limitedUser('partly-blind-too', await typesBut('secrets', 'deployments.apps'))
  const store = memoryStore()
  const spec = { excludedResources: ['secrets', 'deploy'] }
  assert.equal((await backUp({ kube: user.kube, store, spec })).status?.phase, 'Completed')
})

test('a user who may list nothing is told so for Namespaces and all the rest at once', async () => {
  await using user = await limitedUser('blind', [])
  const store = memoryStore()
  const { message } = await failureOf(
    backUp({ kube: user.kube, store, spec: { includedResources: ['configmaps', 'secrets'] } }),
    'forbidden',
  )
  assert.match(message, /3 types: configmaps, namespaces, secrets;/)
  assert.deepEqual(await keysIn(store), [])
})

test('a backup that is stopped in the middle leaves nothing behind, not even a temporary file', async () => {
  await using shop = await testNamespace(kube)
  await using folder = await temporaryFolder()
  const stop = new AbortController()
  for (const moment of ['collecting', 'finishing'] as const) {
    const run = backUp({
      kube,
      store: fileStore(folder.path),
      name: shop.name,
      signal: stop.signal,
      onProgress: ({ phase }) => phase === moment && stop.abort(),
    })
    await failureOf(run, 'aborted')
    assert.deepEqual(await filesIn(folder.path), [])
  }
})

test('whichever write the store fails, nothing is left and no backup shows', async () => {
  await using shop = await testNamespace(kube)
  const spec = { includedNamespaces: [shop.name] }
  const good = memoryStore()
  await backUp({ kube, store: good, spec })
  const puts = (await keysIn(good)).length
  assert.equal(puts, 10)
  for (let nth = 1; nth <= puts; nth += 1) {
    const store = memoryStore()
    const error = await failureOf(backUp({ kube, store: failingAt(store, nth), spec }), 'store')
    assert.match(error.message, /no space/)
    assert.deepEqual(await keysIn(store), [], `after the failure of write ${nth}`)
  }
})

test('a taken name is refused and the backup under it stays as it was', async () => {
  await using shop = await testNamespace(kube)
  const spec = { includedNamespaces: [shop.name] }
  const store = memoryStore()
  await backUp({ kube, store, spec })
  const before = await Array.fromAsync(store.list(''))
  const { message } = await failureOf(backUp({ kube, store, spec }), 'name-taken')
  assert.match(message, /backup already exists in object storage/)
  assert.deepEqual(await Array.fromAsync(store.list('')), before)
})

test('a name that cannot be one is refused', async () => {
  const store = memoryStore()
  await failureOf(backUp({ kube, store, name: '../escape' }), 'invalid')
  assert.deepEqual(await keysIn(store), [])
})

test('what an interrupted run left under the same name is cleared, not overwritten', async () => {
  await using shop = await testNamespace(kube)
  await make(kube, ConfigMaps, { namespace: shop.name, name: 'prices' })
  const store = memoryStore()
  await store.put('backups/nightly/nightly.tar.gz', Buffer.from('half of it'))
  await store.put('backups/nightly/nightly-logs.gz', Buffer.from('some lines'))
  await store.put('backups/nightly-2/nightly-2.tar.gz', Buffer.from('not ours'))
  await backUp({ kube, store, spec: { includedNamespaces: [shop.name] } })
  const contents = await readBackup(store)
  assert.ok(namesOf(contents, 'configmaps').includes(`${shop.name}/prices`))
  assert.ok((await keysIn(store)).includes('backups/nightly-2/nightly-2.tar.gz'))
})

test('of runs with the same name at the same time one makes a backup, and that one is whole', async () => {
  await using shop = await testNamespace(kube)
  const spec = { includedNamespaces: [shop.name] }
  const store = memoryStore()
  const runs = await Promise.allSettled([1, 2, 3].map(() => backUp({ kube, store, spec })))
  assert.equal(runs.filter(({ status }) => status === 'fulfilled').length, 1)
  assert.deepEqual((await readBackup(store)).verification.differences, [])
  assert.ok(!(await keysIn(store)).includes('backups/nightly/lifeboat-claim.json'))
})

test('an API server that is not there is reported, and nothing is stored', async () => {
  const config = await loadKubeConfig({ env: {}, home: '/', kubeconfig: kubeconfigPath })
  const gone = connect({ ...config, server: 'https://127.0.0.1:1' })
  const store = memoryStore()
  const backup = { apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name: 'nightly' }, spec: {} }
  await failureOf(runBackup({ backup, kube: gone, store, now: () => new Date() }), 'cluster')
  assert.deepEqual(await keysIn(store), [])
  await gone.close()
})

async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'backup-'))
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true })
    },
  }
}

async function filesIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
}

/** `store`, but its disk is full when the `nth` object is half written. */
function failingAt(store: ObjectStore, nth: number): ObjectStore {
  let puts = 0
  return {
    ...store,
    async put(key, body, options) {
      puts += 1
      if (puts !== nth) return await store.put(key, body, options)
      return await store.put(key, brokenOff(body), options)
    },
  }
}

async function* brokenOff(body: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of body instanceof Uint8Array ? [body] : body) {
    yield chunk.subarray(0, chunk.length / 2)
    throw new StoreError('full', 'no space is left in the store')
  }
}
