// The queue of backups, as anybody who watches the Backup objects of a running server sees it.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Backups, type Backup, type BackupStatus } from '#api/backup.ts'
import { apiVersionOf } from '#kube/object.ts'
import { scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make } from '../support/objects.ts'
import { ended, installKinds, makeLocation, startServer } from '../support/server.ts'

const { kube, kubeconfigPath } = await sharedCluster()
before(() => installKinds(kube))
after(() => kube.close())

const busy = new Set(['ReadyToStart', 'InProgress'])

async function ask(
  namespace: string,
  name: string,
  includedNamespaces: string[],
  status?: BackupStatus,
): Promise<void> {
  const backup: Backup = {
    apiVersion: apiVersionOf(Backups),
    kind: Backups.kind,
    metadata: { name, namespace },
    spec: { includedNamespaces, storageLocation: 'default' },
    ...(status === undefined ? {} : { status }),
  }
  await kube.create(Backups, backup, { namespace })
}

/** Every state of the namespace's backups from now on, by name; ends with the signal. */
async function* states(namespace: string, signal: AbortSignal): AsyncGenerator<ReadonlyMap<string, Backup>> {
  const { items, resourceVersion } = await kube.list(Backups, { namespace })
  const state = new Map(items.map((one) => [one.metadata.name, one]))
  yield state
  for await (const event of kube.watch(Backups, { namespace, resourceVersion, signal })) {
    if (event.type === 'BOOKMARK') continue
    state.set(event.object.metadata.name, event.object)
    yield state
  }
}

test('backups of the same namespace take turns, others overtake them, and places are numbered without gaps', async () => {
  await using home = await testNamespace(kube)
  await using other = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  for (const place of [home, other]) {
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => make(kube, ConfigMaps, { namespace: place.name, name: `entry-${i}` })),
    )
  }
  await makeLocation(kube, namespace, { path: join(folder.path, 'store') })
  await ask(namespace, 'a-home', [home.name])
  await ask(namespace, 'b-home', [home.name])
  await ask(namespace, 'c-other', [other.name])
  await ask(namespace, 'd-both', [home.name, other.name])

  const stop = new AbortController()
  const places: string[] = []
  const started: string[] = []
  const seen = (async () => {
    for await (const state of states(namespace, stop.signal)) {
      const working = [...state.values()].filter((one) => busy.has(one.status?.phase ?? ''))
      const claimed = working.flatMap((one) => one.spec.includedNamespaces ?? [])
      assert.ok(working.length <= 2, 'more than allowed')
      assert.equal(new Set(claimed).size, claimed.length, 'two at once on one namespace')
      for (const { metadata, status } of state.values()) {
        const place = `${metadata.name} ${status?.queuePosition ?? 0}`
        if (status?.phase === 'Queued' && !places.includes(place)) places.push(place)
        if (status?.phase === 'InProgress' && !started.includes(metadata.name)) started.push(metadata.name)
      }
    }
  })().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error
  })
  await using _server = startServer({ kubeconfigPath, namespace, args: ['--concurrent-backups', '2'] })
  for (const name of ['a-home', 'b-home', 'c-other', 'd-both']) {
    const { status } = await ended(kube, Backups, { name, namespace })
    assert.equal(status?.phase, 'Completed', JSON.stringify(status))
    assert.equal(status.queuePosition, undefined)
  }
  stop.abort()
  await seen
  assert.deepEqual(places.toSorted(), ['b-home 1', 'd-both 1', 'd-both 2'])
  assert.equal(started.at(-1), 'd-both')
  assert.ok(started.indexOf('c-other') < started.indexOf('b-home'), 'the free one overtakes the one that waits')
})

test('a server takes up what another one left in any place of the queue', async () => {
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  await makeLocation(kube, namespace, { path: join(folder.path, 'store') })
  await ask(namespace, 'running', [home.name], { phase: 'InProgress', startTimestamp: new Date().toISOString() })
  await ask(namespace, 'ready', ['kube-public'], { phase: 'ReadyToStart' })
  await ask(namespace, 'first', [home.name], { phase: 'Queued', queuePosition: 1 })
  await ask(namespace, 'second', [home.name], { phase: 'Queued', queuePosition: 2 })
  await using _server = startServer({ kubeconfigPath, namespace })
  const ends: string[] = []
  for (const name of ['running', 'ready', 'first', 'second']) {
    const { status } = await ended(kube, Backups, { name, namespace })
    assert.equal(status?.phase, 'Completed', `${name}: ${JSON.stringify(status)}`)
    ends.push(`${status.completionTimestamp as string} ${name}`)
  }
  const starts = await Promise.all(
    ['first', 'second'].map(
      async (name) => (await kube.get(Backups, name, { namespace })).status?.startTimestamp ?? '',
    ),
  )
  assert.ok((starts[0] ?? '') <= (starts[1] ?? ''), 'the first in the queue starts first')
})

test('a backup that is deleted while it waits leaves no gap', async () => {
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  await makeLocation(kube, namespace, { path: join(folder.path, 'store') })
  for (const name of ['a', 'b', 'c'])
    await ask(namespace, name, [home.name], { phase: 'Queued', queuePosition: 'abc'.indexOf(name) + 1 })
  await kube.delete(Backups, 'b', { namespace })
  await using _server = startServer({ kubeconfigPath, namespace })
  for (const name of ['a', 'c']) {
    assert.equal((await ended(kube, Backups, { name, namespace })).status?.phase, 'Completed')
  }
})
