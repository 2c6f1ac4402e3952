import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { BackupError, type BackupProblem } from '#backup/error.ts'
import type { KubeClient } from '#kube/client.ts'
import { fileStore } from '#store/file.ts'
import { memoryStore } from '#store/memory.ts'
import { openStore } from '#store/open.ts'
import { StoreError, type ObjectStore } from '#store/store.ts'
import { backUp, namesOf, readBackup } from '../support/backup-run.ts'
import { scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make } from '../support/objects.ts'
import { s3Server } from '../support/s3-server.ts'

const limit = { timeout: 60_000 }

let kube: KubeClient
before(async () => {
  ;({ kube } = await sharedCluster())
})

/** `store`, with something that happens just before the object whose key ends with `suffix` is written. */
function interruptedBefore(store: ObjectStore, suffix: string, event: () => Promise<unknown>): ObjectStore {
  return {
    ...store,
    async put(key, body, options) {
      if (key.endsWith(suffix)) await event()
      return await store.put(key, body, options)
    },
  }
}

async function failureOf(run: Promise<unknown>, problem: BackupProblem): Promise<string> {
  const error = await run.then(
    () => assert.fail('the backup was made'),
    (error: unknown) => error,
  )
  assert.ok(error instanceof BackupError, String(error))
  assert.equal(error.problem, problem, error.message)
  return error.message
}

for (const suffix of ['.tar.gz', '-results.gz', 'velero-backup.json']) {
  test(
    `an S3 server that dies before ${suffix} is written ends the backup with its name, and what may be left in it`,
    limit,
    async () => {
      await using shop = await testNamespace(kube)
      await using server = await s3Server('versitygw')
      const store = await openStore(server.url, { env: server.env })
      const dying = interruptedBefore(store, suffix, async () => await server[Symbol.asyncDispose]())
      const message = await failureOf(
        backUp({ kube, store: dying, spec: { includedNamespaces: [shop.name] } }),
        'store',
      )
      assert.ok(message.includes(server.endpoint), message)
      if (suffix !== '.tar.gz') assert.match(message, /could not be deleted again: .*nightly\.tar\.gz/)
      await store.close()
    },
  )
}

for (const key of ['nightly.tar.gz', 'nightly-results.gz', 'velero-backup.json']) {
  test(`a run that finds ${key} written by somebody else stops and deletes nothing that is not its own`, async () => {
    await using shop = await testNamespace(kube)
    await using folder = await scratchFolder()
    for (const store of [memoryStore(), fileStore(folder.path)]) {
      const full = `backups/nightly/${key}`
      const theirs = Buffer.from('theirs')
      const raced = interruptedBefore(store, key, () => store.put(full, theirs))
      const message = await failureOf(
        backUp({ kube, store: raced, spec: { includedNamespaces: [shop.name] } }),
        'name-taken',
      )
      assert.match(message, /already .*repeat with another name/)
      assert.deepEqual(await Array.fromAsync(store.list(''), (one) => one.key), [full])
      assert.deepEqual(Buffer.concat(await Array.fromAsync(await store.get(full))), theirs)
    }
  })
}

test('a run that begins while another server makes a backup of the same name gives way, and the other ends well', async () => {
  await using shop = await testNamespace(kube)
  await using folder = await scratchFolder()
  const spec = { includedNamespaces: [shop.name] }
  for (const store of [memoryStore(), fileStore(folder.path)]) {
    const second = (): Promise<unknown> => backUp({ kube, store, spec, installation: 'b/velero' })
    let message = ''
    const first = interruptedBefore(store, '-results.gz', async () => {
      message = await failureOf(second(), 'name-taken')
    })
    assert.equal((await backUp({ kube, store: first, spec, installation: 'a/velero' })).status?.phase, 'Completed')
    assert.match(message, /somebody else is making a backup nightly .* choose another name/)
    const { verification, trailer } = await readBackup(store)
    assert.deepEqual(verification.differences, [])
    const keys = await Array.fromAsync(store.list('backups/nightly/'), ({ key }) => key)
    assert.equal(keys.length, trailer.artifacts.length + 2) // the manifest and the marker
  }
})

test('a marker that was written although its writing failed goes again, before anything that it promises', async () => {
  await using shop = await testNamespace(kube)
  const store = memoryStore()
  const deleted: string[] = []
  const forgetful: ObjectStore = {
    ...store,
    async put(key, body, options) {
      const size = await store.put(key, body, options)
      if (key.endsWith('velero-backup.json')) throw new StoreError('unreachable', 'the answer is lost')
      return size
    },
    delete: (key) => (deleted.push(key), store.delete(key)),
  }
  await failureOf(backUp({ kube, store: forgetful, spec: { includedNamespaces: [shop.name] } }), 'store')
  assert.equal(deleted[0], 'backups/nightly/velero-backup.json')
  assert.deepEqual(await Array.fromAsync(store.list('')), [])
})

test('after a store was full, the same backup can be made in it once there is room', async () => {
  await using shop = await testNamespace(kube)
  await make(kube, ConfigMaps, { namespace: shop.name, name: 'prices' })
  const spec = { includedNamespaces: [shop.name] }
  const store = memoryStore()
  const full = interruptedBefore(store, '-resource-list.json.gz', () =>
    Promise.reject(new StoreError('full', 'no space is left in the store')),
  )
  await failureOf(backUp({ kube, store: full, spec }), 'store')
  assert.deepEqual(await Array.fromAsync(store.list('')), [])
  assert.equal((await backUp({ kube, store, spec })).status?.phase, 'Completed')
  assert.ok(namesOf(await readBackup(store), 'configmaps').includes(`${shop.name}/prices`))
})
