// Backups and restores that somebody ends before their time, through the program and a running server.
import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Backups } from '#api/backup.ts'
import { annotationKeys } from '#api/labels.ts'
import { Restores } from '#api/restore.ts'
import { cli, scratchFolder } from '../support/cli.ts'
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
import { apiTollgate } from '../support/tollgate.ts'

const { kube, kubeconfigPath } = await sharedCluster()
before(() => installKinds(kube))
after(() => kube.close())

/** A server whose backups of namespace `slow` never get past their ConfigMaps, with a location that is a directory. */
async function site() {
  const stack = new AsyncDisposableStack()
  const home = stack.use(await testNamespace(kube))
  const slow = stack.use(await testNamespace(kube))
  const shop = stack.use(await testNamespace(kube))
  const folder = stack.use(await scratchFolder())
  const scratch = stack.use(await scratchFolder())
  const namespace = home.name
  const path = join(folder.path, 'store')
  stack.defer(() => letRestoresGo(kube, namespace))
  await make(kube, ConfigMaps, { name: 'prices', namespace: shop.name, data: { tea: '3' } })
  await makeLocation(kube, namespace, { path })
  const held = `/api/v1/namespaces/${slow.name}/configmaps`
  const gate = stack.use(
    await apiTollgate(kubeconfigPath, scratch.path, (passage) =>
      passage.path.startsWith(held) ? new Promise<never>(() => undefined) : true,
    ),
  )
  const said = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await cli([...args, '--kubeconfig', kubeconfigPath, '--namespace', namespace])
    assert.equal(code, 0, stderr)
    return stdout
  }
  return {
    namespace,
    slow: slow.name,
    shop: shop.name,
    path,
    said,
    start: () => stack.use(startServer({ kubeconfigPath: gate.kubeconfigPath, namespace })),
    backup: (name: string, ofNamespace: string) =>
      askForBackup(kube, namespace, { name, spec: { includedNamespaces: [ofNamespace] } }),
    inPhase: (name: string, phase: string): Promise<true> =>
      eventually(async () =>
        (await kube.get(Backups, name, { namespace })).status?.phase === phase ? true : undefined,
      ),
    stored: async (): Promise<string[]> => (await readdir(join(path, 'backups')).catch(() => [])).toSorted(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

test('a backup that is cancelled while it runs or waits ends as Failed, says by whom, and leaves nothing; the next one goes on', async () => {
  await using here = await site()
  const { namespace, said } = here
  here.start()
  await here.backup('running', here.slow)
  await here.inPhase('running', 'InProgress')
  await here.backup('waiting', here.slow)
  await here.inPhase('waiting', 'Queued')
  await here.backup('next', here.shop)
  assert.match(await said('backup', 'cancel', 'waiting'), /^Request to cancel backup "waiting" submitted/)
  const waiting = await ended(kube, Backups, { name: 'waiting', namespace })
  assert.deepEqual(
    [waiting.status?.phase, waiting.status?.queuePosition, typeof waiting.status?.expiration],
    ['Failed', undefined, 'string'],
  )
  assert.match(waiting.status?.failureReason ?? '', /^cancelled by \S+$/)

  await said('backup', 'cancel', '--all')
  const running = await ended(kube, Backups, { name: 'running', namespace })
  assert.equal(running.status?.phase, 'Failed')
  assert.match(running.status?.failureReason ?? '', /^cancelled by \S+; .*nothing of it is in the store$/)
  await ended(kube, Backups, { name: 'next', namespace })
  assert.ok(!(await here.stored()).includes('running'))
  assert.match(await said('backup', 'cancel', 'running'), /is Failed already: nothing to cancel/)
  assert.match(await said('backup', 'cancel', '--all'), /^No backup is under way or waits/)

  await here.backup('after', here.shop)
  assert.equal((await ended(kube, Backups, { name: 'after', namespace })).status?.phase, 'Completed')
})

test('a backup that is cancelled while no server runs ends when one starts, with what the last one left in the store', async () => {
  await using here = await site()
  const { namespace } = here
  const half = join(here.path, 'backups', 'left')
  await mkdir(half, { recursive: true })
  await writeFile(join(half, 'left-results.gz'), 'half')
  await here.backup('left', here.shop)
  const change = {
    metadata: { annotations: { [annotationKeys.cancel]: 'true' } },
    spec: { storageLocation: 'default' },
    status: { phase: 'InProgress' },
  }
  await kube.patch(Backups, 'left', { merge: change }, { namespace })
  here.start()
  const { status } = await ended(kube, Backups, { name: 'left', namespace })
  assert.equal(status?.phase, 'Failed')
  assert.match(status?.failureReason ?? '', /^cancelled; /)
  assert.deepEqual(await here.stored(), [])
})

test('a Backup object that is deleted stops its backup, and nothing of it is stored', async () => {
  await using here = await site()
  const { namespace } = here
  here.start()
  await here.backup('gone', here.slow)
  await here.inPhase('gone', 'InProgress')
  await kube.delete(Backups, 'gone', { namespace })
  await here.backup('next', here.shop)
  assert.equal((await ended(kube, Backups, { name: 'next', namespace })).status?.phase, 'Completed')
  await eventually(async () => ((await here.stored()).join() === 'next' ? true : undefined))
  assert.equal(await kube.find(Backups, 'gone', { namespace }), undefined)
})

test('a restore that is cancelled while it runs or waits ends as Failed, says how far it got, and has no files', async () => {
  await using here = await site()
  const { namespace, said } = here
  here.start()
  await here.backup('monday', here.shop)
  assert.equal((await ended(kube, Backups, { name: 'monday', namespace })).status?.phase, 'Completed')
  // A namespace that does not go away: the restore waits for it.
  await using target = await testNamespace(kube)
  const hold = (finalizers: string[] | null): Promise<unknown> =>
    kube.patch(ConfigMaps, 'anchor', { merge: { metadata: { finalizers } } }, { namespace: target.name })
  await make(kube, ConfigMaps, { name: 'anchor', namespace: target.name })
  await hold(['test.lifeboat.dev/hold'])
  try {
    await kube.delete(Namespaces, target.name)
    const spec = { backupName: 'monday', namespaceMapping: { [here.shop]: target.name } }
    await askForRestore(kube, namespace, { name: 'first', spec })
    await eventually(async () =>
      (await kube.get(Restores, 'first', { namespace })).status?.phase === 'InProgress' ? true : undefined,
    )
    await askForRestore(kube, namespace, { name: 'second', spec })
    await eventually(
      async () => (await kube.get(Restores, 'second', { namespace })).metadata.annotations?.[annotationKeys.waits],
    )
    await said('restore', 'cancel', 'second')
    const second = await ended(kube, Restores, { name: 'second', namespace })
    assert.deepEqual([second.status?.phase, second.metadata.annotations?.[annotationKeys.waits]], ['Failed', undefined])
    assert.match(second.status?.failureReason ?? '', /^cancelled by \S+$/)
    await said('restore', 'cancel', 'first')
    const first = await ended(kube, Restores, { name: 'first', namespace })
    assert.equal(first.status?.phase, 'Failed')
    assert.match(
      first.status?.failureReason ?? '',
      /^cancelled by \S+; restore first was stopped: nothing was restored$/,
    )
    assert.deepEqual(await readdir(join(here.path, 'restores')).catch(() => []), [])
  } finally {
    await hold(null)
  }
})

test('a restore that is cancelled while it waits for its safety backup ends that too, and nothing is restored', async () => {
  await using here = await site()
  const { namespace, said } = here
  here.start()
  await here.backup('monday', here.shop)
  assert.equal((await ended(kube, Backups, { name: 'monday', namespace })).status?.phase, 'Completed')
  const spec = {
    backupName: 'monday',
    includedNamespaces: [here.shop],
    namespaceMapping: { [here.shop]: here.slow },
    existingResourcePolicy: 'update',
  }
  const metadata = { annotations: { 'lifeboat.dev/exact': 'true' } }
  await make(kube, Restores, { name: 'exact', namespace, metadata, spec })
  await eventually(async () => (await kube.find(Backups, 'exact-before', { namespace })) && true)
  await here.inPhase('exact-before', 'InProgress')
  await said('restore', 'cancel', 'exact')
  const restore = await ended(kube, Restores, { name: 'exact', namespace })
  assert.equal(restore.status?.phase, 'Failed')
  assert.match(restore.status?.failureReason ?? '', /^cancelled by \S+; nothing was restored$/)
  const safety = await ended(kube, Backups, { name: 'exact-before', namespace })
  assert.equal(safety.status?.phase, 'Failed')
  assert.match(safety.status?.failureReason ?? '', /^cancelled by restore exact; /)
  assert.deepEqual(await here.stored(), ['monday'])
})
