import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { encodeVolumeInfo } from '#archive/volume-info.ts'
import type { KubeClient } from '#kube/client.ts'
import type { Restore } from '#api/restore.ts'
import { RestoreError, type RestoreProblem } from '#restore/error.ts'
import { runRestore } from '#restore/run.ts'
import { backupKey, restorePrefix } from '#store/layout.ts'
import { memoryStore } from '#store/memory.ts'
import { type ObjectStore, StoreError } from '#store/store.ts'
import { backUp } from '../support/backup-run.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, Namespaces, Volumes, make } from '../support/objects.ts'
import { bringBack, namesIn, removeNamespace } from './restore-order.ts'

/** A backup of a namespace with `objects` ConfigMaps; the namespace is gone again. */
async function lostNamespace(
  kube: KubeClient,
  { store, objects = 3 }: { store: ObjectStore; objects?: number },
): Promise<AsyncDisposable & { name: string }> {
  await using namespace = await testNamespace(kube)
  const { name } = namespace
  for (let made = 0; made < objects; made += 50) {
    const batch = Array.from({ length: Math.min(50, objects - made) }, (_, at) => `c-${made + at}`)
    await Promise.all(
      batch.map((one) => make(kube, ConfigMaps, { name: one, namespace: name, data: { key: 'value' } })),
    )
  }
  await backUp({ kube, store, spec: { includedNamespaces: [name] } })
  await removeNamespace(kube, name)
  return { name, [Symbol.asyncDispose]: async () => void (await kube.delete(Namespaces, name)) }
}

async function bytesOf(store: ObjectStore, key: string): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(await store.get(key)))
}

async function replace(store: ObjectStore, key: string, body: Uint8Array): Promise<void> {
  await store.delete(key)
  await store.put(key, body)
}

async function isUntouched(kube: KubeClient, { store, name }: { store: ObjectStore; name: string }): Promise<void> {
  assert.equal(await kube.find(Namespaces, name), undefined)
  assert.deepEqual(await Array.fromAsync(store.list(restorePrefix('again'))), [])
}

function problem(expected: RestoreProblem, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof RestoreError, String(error))
    assert.equal(error.problem, expected)
    assert.match(error.message, message)
    return true
  }
}

test('a damaged archive restores nothing at all, whatever the damage', async () => {
  const { kube } = await sharedCluster()
  const store = memoryStore()
  await using lost = await lostNamespace(kube, { store })
  const key = backupKey('nightly', 'contents')
  const whole = await bytesOf(store, key)
  const changed = Buffer.from(gunzipSync(whole))
  const at = changed.lastIndexOf('"value"')
  changed.write('"other"', at)
  const damages: Record<string, Uint8Array> = {
    'cut short': whole.subarray(0, whole.length - 50),
    'half gone': whole.subarray(0, whole.length / 2),
    'no gzip': Buffer.from('<html>not here</html>'),
    'one value changed': gzipSync(changed),
  }
  for (const [damage, bytes] of Object.entries(damages)) {
    await replace(store, key, bytes)
    await assert.rejects(bringBack({ kube, store }), problem('backup-damaged', /^backup nightly/), damage)
    await isUntouched(kube, { store, name: lost.name })
  }
})

test('an object that is not what the manifest says is named', async () => {
  const { kube } = await sharedCluster()
  const store = memoryStore()
  await using lost = await lostNamespace(kube, { store })
  const key = backupKey('nightly', 'contents')
  const tar = gunzipSync(await bytesOf(store, key))
  const text = tar.toString('latin1')
  const entry = text.indexOf(`configmaps/namespaces/${lost.name}/c-1.json`)
  tar.write('"other"', text.indexOf('"value"', entry))
  await replace(store, key, gzipSync(tar))
  await assert.rejects(
    bringBack({ kube, store }),
    problem('backup-damaged', new RegExp(`resources/configmaps/namespaces/${lost.name}/c-1\\.json \\(changed\\)`)),
  )
})

test('a backup that is not there, or not finished, is refused with what there is', async () => {
  const { kube } = await sharedCluster()
  const store = memoryStore()
  await using lost = await lostNamespace(kube, { store })
  const asked = (backupName: string) => bringBack({ kube, store, spec: { backupName } })
  await assert.rejects(asked('weekly'), problem('no-such-backup', /no backup weekly in .*; it has nightly$/))
  await store.delete(backupKey('nightly', 'metadata'))
  await assert.rejects(asked('nightly'), problem('backup-unfinished', /not finished/))
  await isUntouched(kube, { store, name: lost.name })
})

test('a name that a restore had before is not taken again', async () => {
  const { kube } = await sharedCluster()
  const store = memoryStore()
  await using _lost = await lostNamespace(kube, { store })
  await bringBack({ kube, store })
  const before = await Array.fromAsync(store.list(restorePrefix('again')))
  assert.equal(before.length, 6)
  await assert.rejects(bringBack({ kube, store }), problem('name-taken', /choose another name/))
  assert.deepEqual(await Array.fromAsync(store.list(restorePrefix('again'))), before)
})

test('a store that takes the backup out but no record in undoes nothing: one more error, and it says which', async () => {
  const { kube } = await sharedCluster()
  const store = memoryStore()
  await using lost = await lostNamespace(kube, { store })
  let puts = 0
  const full: ObjectStore = {
    ...store,
    put: (key, body, options) => {
      puts += 1
      if (puts === 3) return Promise.reject(new StoreError('full', `there is no room for ${key}`))
      return store.put(key, body, options)
    },
  }
  const asked: Restore = {
    apiVersion: 'velero.io/v1',
    kind: 'Restore',
    metadata: { name: 'again' },
    spec: { backupName: 'nightly' },
  }
  const { status } = await runRestore({ restore: asked, kube, store: full, now: () => new Date() })
  assert.deepEqual([status?.phase, status?.errors, status?.warnings], ['PartiallyFailed', 1, undefined])
  assert.match(
    status?.failureReason ?? '',
    /could not be stored: there is no room for restores\/again\/restore-again-resource-list/,
  )
  assert.equal((await namesIn(kube, ConfigMaps, lost.name)).length, 4)
  assert.deepEqual(await Array.fromAsync(store.list(restorePrefix('again'))), [])

  // Who says that the store is for reading only expects no more.
  puts = 0
  const again = await runRestore({ restore: asked, kube, store: full, now: () => new Date(), readOnly: true })
  assert.deepEqual([again.status?.phase, again.status?.errors, again.status?.warnings], ['Completed', undefined, 1])
})

test('a restore that is stopped leaves no record, and the next one goes on from there', async () => {
  const { kube } = await sharedCluster()
  const store = memoryStore()
  const objects = 600
  await using lost = await lostNamespace(kube, { store, objects })
  const stop = new AbortController()
  const stopped = bringBack({
    kube,
    store,
    signal: stop.signal,
    onProgress: ({ itemsRestored }) => itemsRestored > 50 && stop.abort(new Error('Ctrl-C')),
  })
  await assert.rejects(stopped, problem('aborted', /was stopped: \d+ of \d+ objects were done/))
  assert.deepEqual(await Array.fromAsync(store.list(restorePrefix('again'))), [])
  const half = (await namesIn(kube, ConfigMaps, lost.name)).length
  assert.ok(half > 0 && half < objects, `${half} objects`)

  const { restore } = await bringBack({ kube, store })
  assert.equal(restore.status?.errors, undefined)
  assert.equal((await namesIn(kube, ConfigMaps, lost.name)).length, objects + 1)
})

test('a namespace that does not go away costs only its own objects', async () => {
  const { kube } = await sharedCluster()
  const store = memoryStore()
  await using stuck = await testNamespace(kube)
  await using free = await testNamespace(kube)
  for (const namespace of [stuck.name, free.name]) await make(kube, ConfigMaps, { name: 'prices', namespace })
  await backUp({ kube, store, spec: { includedNamespaces: [stuck.name, free.name] } })
  await removeNamespace(kube, free.name)
  const finalizers = ['test.lifeboat.dev/hold']
  await kube.patch(ConfigMaps, 'prices', { merge: { metadata: { finalizers } } }, { namespace: stuck.name })
  await kube.delete(Namespaces, stuck.name)
  try {
    const { restore, results, resourceList } = await bringBack({ kube, store, patience: { namespace: 2_000 } })
    assert.equal(restore.status?.phase, 'PartiallyFailed')
    assert.equal(restore.status?.errors, 1)
    const [error] = results.errors.cluster ?? []
    assert.match(error ?? '', new RegExp(`namespace ${stuck.name} is still being deleted after 2 s`))
    assert.ok(resourceList['v1/ConfigMap']?.includes(`${stuck.name}/prices(failed)`))
    assert.ok(resourceList['v1/ConfigMap']?.includes(`${free.name}/prices(created)`))
    assert.ok((await namesIn(kube, ConfigMaps, free.name)).includes('prices'))
  } finally {
    await kube.patch(ConfigMaps, 'prices', { merge: { metadata: { finalizers: null } } }, { namespace: stuck.name })
  }
})

test('a namespace that goes away in time is made anew, and everything comes back', async () => {
  const { kube } = await sharedCluster()
  const store = memoryStore()
  await using namespace = await testNamespace(kube)
  const { name } = namespace
  await make(kube, ConfigMaps, { name: 'prices', namespace: name })
  await backUp({ kube, store, spec: { includedNamespaces: [name] } })
  const finalizers = ['test.lifeboat.dev/hold']
  await kube.patch(ConfigMaps, 'prices', { merge: { metadata: { finalizers } } }, { namespace: name })
  await kube.delete(Namespaces, name)
  const restoring = bringBack({ kube, store })
  setTimeout(() => {
    void kube.patch(ConfigMaps, 'prices', { merge: { metadata: { finalizers: null } } }, { namespace: name })
  }, 1_000)
  const { restore } = await restoring
  assert.equal(restore.status?.phase, 'Completed')
  assert.ok((await namesIn(kube, ConfigMaps, name)).includes('prices'))
})

test('a volume whose data cannot come back is an error, not an empty volume', async () => {
  const { kube } = await sharedCluster()
  const store = memoryStore()
  await using namespace = await testNamespace(kube)
  // What CSI snapshots hold comes back by the claim, which says why not.
  for (const method of ['PodVolumeBackup', 'NativeSnapshot']) {
    const name = `${namespace.name}-${method.toLowerCase()}`
    const spec = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/data' } }
    const labels = { 'lifeboat.test/volume': name }
    await make(kube, Volumes, {
      name,
      metadata: { labels },
      spec: { ...spec, persistentVolumeReclaimPolicy: 'Retain' },
    })
    const only = {
      includedResources: ['persistentvolumes'],
      includeClusterResources: true,
      labelSelector: { matchLabels: labels },
    }
    await backUp({ kube, store, name: method.toLowerCase(), spec: only })
    await kube.delete(Volumes, name)
    const info = await encodeVolumeInfo([{ pvName: name, backupMethod: method }])
    await replace(store, backupKey(method.toLowerCase(), 'volume-info'), info)
    const asked = { kube, store, name: `of-${method.toLowerCase()}`, spec: { backupName: method.toLowerCase() } }
    const { restore, results } = await bringBack(asked)
    assert.equal(restore.status?.phase, 'PartiallyFailed')
    assert.match(
      results.errors.cluster?.join() ?? '',
      new RegExp(`persistentvolumes/${name}(: its data cannot come back| is not restored: its data)`),
    )
  }
})
