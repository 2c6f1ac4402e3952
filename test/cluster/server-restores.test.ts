// Restores as anybody who watches the Restore objects of a running server sees them.
import assert from 'node:assert/strict'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups } from '#api/backup.ts'
import { annotationKeys, finalizerNames, labelKeys } from '#api/labels.ts'
import { Restores, type Restore } from '#api/restore.ts'
import { scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make, Namespaces } from '../support/objects.ts'
import {
  askForBackup,
  askForRestore,
  ended,
  eventually,
  installKinds,
  letRestoresGo,
  makeLocation,
  startServer,
} from '../support/server.ts'

const { kube, kubeconfigPath } = await sharedCluster()
before(() => installKinds(kube))
after(() => kube.close())

/** A server with a backup `monday` of a namespace with one ConfigMap. */
async function site(args: string[] = []) {
  const stack = new AsyncDisposableStack()
  const home = stack.use(await testNamespace(kube))
  const shop = stack.use(await testNamespace(kube))
  const folder = stack.use(await scratchFolder())
  const namespace = home.name
  stack.defer(() => letRestoresGo(kube, namespace))
  await make(kube, ConfigMaps, { name: 'prices', namespace: shop.name, data: { tea: '3' } })
  await makeLocation(kube, namespace, { path: folder.path })
  stack.use(startServer({ kubeconfigPath, namespace, args }))
  await askForBackup(kube, namespace, { name: 'monday', spec: { includedNamespaces: [shop.name] } })
  assert.equal((await ended(kube, Backups, { name: 'monday', namespace })).status?.phase, 'Completed')
  return {
    namespace,
    shop: shop.name,
    path: folder.path,
    /** A namespace that does not go away until `release`: a restore into it lasts. */
    async stuck() {
      const target = await testNamespace(kube)
      const hold = (finalizers: string[] | null): Promise<unknown> =>
        kube.patch(ConfigMaps, 'anchor', { merge: { metadata: { finalizers } } }, { namespace: target.name })
      await make(kube, ConfigMaps, { name: 'anchor', namespace: target.name })
      await hold(['test.lifeboat.dev/hold'])
      await kube.delete(Namespaces, target.name)
      const release = async (): Promise<void> => void (await hold(null))
      stack.defer(async () => {
        if ((await kube.find(ConfigMaps, 'anchor', { namespace: target.name })) !== undefined) await release()
        await kube.delete(Namespaces, target.name)
      })
      return { name: target.name, release }
    },
    restore: (name: string, namespaceMapping: Record<string, string>): Promise<Restore> =>
      askForRestore(kube, namespace, { name, spec: { backupName: 'monday', namespaceMapping } }),
    now: (name: string): Promise<Restore | undefined> => kube.find(Restores, name, { namespace }),
    ended: (name: string): Promise<Restore> => ended(kube, Restores, { name, namespace, seconds: 60 }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

const waitsFor = (restore: Restore | undefined): string | undefined =>
  restore?.metadata.annotations?.[annotationKeys.waits]

test('restores into one namespace take turns and say what they wait for; others overtake them', async () => {
  await using here = await site()
  const stuck = await here.stuck()
  const other = `${here.shop}-other`
  try {
    await here.restore('first', { [here.shop]: stuck.name })
    await eventually(async () => ((await here.now('first'))?.status?.phase === 'InProgress' ? true : undefined))
    await here.restore('second', { [here.shop]: stuck.name })
    const why = await eventually(async () => waitsFor(await here.now('second')))
    assert.equal(why, `waits for restore first: both write to namespace ${stuck.name}`)
    await here.restore('third', { [here.shop]: other })
    assert.equal((await here.ended('third')).status?.phase, 'Completed')
    assert.equal((await here.now('first'))?.status?.phase, 'InProgress')
    assert.equal((await here.now('second'))?.status?.phase ?? 'New', 'New')

    await stuck.release()
    const [first, second] = [await here.ended('first'), await here.ended('second')]
    assert.deepEqual([first.status?.phase, second.status?.phase], ['Completed', 'Completed'])
    assert.equal(waitsFor(second), undefined)
    assert.ok(String(second.status?.startTimestamp) >= String(first.status?.completionTimestamp))
  } finally {
    await kube.delete(Namespaces, other)
  }
})

test('a Restore that is deleted while it runs stops at once, leaves nothing in the store, and gives its turn away', async () => {
  await using here = await site(['--concurrent-restores', '1'])
  const stuck = await here.stuck()
  const copy = `${here.shop}-copy`
  try {
    await here.restore('first', { [here.shop]: stuck.name })
    await eventually(async () => ((await here.now('first'))?.status?.phase === 'InProgress' ? true : undefined))
    await here.restore('second', { [here.shop]: copy })
    const why = await eventually(async () => waitsFor(await here.now('second')))
    assert.equal(why, 'waits for its turn: no more than 1 at a time')
    await kube.delete(Restores, 'first', { namespace: here.namespace })
    await eventually(async () => ((await here.now('first')) === undefined ? true : undefined))
    assert.equal((await here.ended('second')).status?.phase, 'Completed')
    assert.deepEqual(await readdir(join(here.path, 'restores')), ['second'])

    const second = await here.now('second')
    assert.deepEqual(second?.metadata.finalizers, [finalizerNames.restore])
    await kube.delete(Restores, 'second', { namespace: here.namespace })
    await eventually(async () => ((await here.now('second')) === undefined ? true : undefined))
    assert.deepEqual(await readdir(join(here.path, 'restores')).catch(() => []), [])
    assert.deepEqual((await kube.get(ConfigMaps, 'prices', { namespace: copy }))['data'], { tea: '3' })
  } finally {
    await kube.delete(Namespaces, copy)
  }
})

test('a restore from a schedule takes the newest of its completed backups, and keeps which', async () => {
  await using here = await site()
  const { namespace } = here
  const [monday, copy] = [await kube.get(Backups, 'monday', { namespace }), `${here.shop}-daily`]
  const made = async (name: string, status: object): Promise<void> => {
    const labels = { [labelKeys.scheduleName]: 'daily' }
    const metadata = { name, namespace, labels }
    await kube.create(Backups, { ...monday, metadata, status: { ...monday.status, ...status } }, { namespace })
  }
  try {
    await made('newest', { phase: 'PartiallyFailed', startTimestamp: '2099-01-01T00:00:00Z' })
    await made('older', { startTimestamp: '2020-01-01T00:00:00Z' })
    const labels = { [labelKeys.scheduleName]: 'daily' }
    await kube.patch(Backups, 'monday', { merge: { metadata: { labels } } }, { namespace })
    const spec = { scheduleName: 'daily', namespaceMapping: { [here.shop]: copy } }
    await askForRestore(kube, namespace, { name: 'again', spec })
    const again = await here.ended('again')
    assert.equal(again.status?.phase, 'Completed', JSON.stringify(again.status))
    assert.deepEqual([again.spec.backupName, again.spec.scheduleName], ['monday', 'daily'])
    await askForRestore(kube, namespace, { name: 'never', spec: { scheduleName: 'weekly' } })
    const never = await here.ended('never')
    assert.deepEqual(never.status?.validationErrors, ['No completed backups found for schedule weekly'])
  } finally {
    await kube.delete(Namespaces, copy)
  }
})

test('a backup that cannot be read is a validation error that names its location', async () => {
  await using here = await site()
  const { namespace } = here
  const refusal = async (name: string): Promise<string> => {
    await here.restore(name, {})
    const { status } = await here.ended(name)
    assert.equal(status?.phase, 'FailedValidation')
    return status.validationErrors?.join() ?? ''
  }
  await rm(here.path, { recursive: true })
  await kube.patch(BackupStorageLocations, 'default', { merge: { spec: { config: { any: 'change' } } } }, { namespace })
  await eventually(async () => {
    const location = await kube.get(BackupStorageLocations, 'default', { namespace })
    return location.status?.phase === 'Unavailable' || undefined
  })
  assert.equal(await refusal('closed'), 'The BSL default is unavailable, cannot retrieve the backup')
  await kube.delete(BackupStorageLocations, 'default', { namespace })
  const lost = 'Error retrieving backup: BackupStorageLocation.velero.io "default" not found'
  assert.equal(await refusal('lost'), lost)
})

test('from a read-only location objects come back all the same; only the record is missing', async () => {
  await using here = await site()
  const { namespace } = here
  await kube.patch(BackupStorageLocations, 'default', { merge: { spec: { accessMode: 'ReadOnly' } } }, { namespace })
  // Nothing can be written below a file.
  await writeFile(join(here.path, 'restores'), '')
  const copy = `${here.shop}-copy`
  try {
    await here.restore('again', { [here.shop]: copy })
    const { status } = await here.ended('again')
    assert.deepEqual([status?.phase, status?.warnings, status?.errors], ['Completed', 1, undefined])
    assert.match(status?.failureReason ?? '', /^the log and the results of the restore could not be stored: /)
    assert.deepEqual((await kube.get(ConfigMaps, 'prices', { namespace: copy }))['data'], { tea: '3' })
  } finally {
    await kube.delete(Namespaces, copy)
  }
})
