// Hooks of a backup where no node runs the pods, so that every command fails: what that does to the backup, and in which order things are done.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { BackupSpec } from '#api/backup.ts'
import type { ClaimName } from '#backup/held-claims.ts'
import { openPodGroups } from '#backup/pod-groups.ts'
import type { CollectedItem } from '#collect/collect.ts'
import { itemOf } from '#collect/collected.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { rawObject } from '#kube/raw-object.ts'
import { memoryStore } from '#store/memory.ts'
import { findingsOf } from '../support/backup-results.ts'
import { backUp, namesOf, readBackup } from '../support/backup-run.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { Claims, object, Pods } from '../support/objects.ts'

let kube: KubeClient
before(async () => {
  ;({ kube } = await sharedCluster())
})

const pre = 'pre.hook.backup.velero.io/'
const post = 'post.hook.backup.velero.io/'
const failing = { [`${pre}command`]: 'freeze', [`${pre}on-error`]: 'Fail' }
const thawing = { [`${post}command`]: 'thaw' }

/** A pod with claims as volumes. */
function podWith(name: string, annotations: Record<string, string>, claims: readonly string[] = []): KubeObject {
  const volumes = claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } }))
  const containers = [{ name: 'main', image: 'none' }]
  return object(Pods, name, { metadata: { annotations }, spec: { containers, volumes } })
}

test('a command cannot be run in a pod that is nowhere, nor in one that does not exist', async () => {
  await using space = await testNamespace(kube)
  const namespace = space.name
  await kube.create(Pods, podWith('nowhere', {}), { namespace })
  const run = { namespace, container: 'main', command: ['true'] }
  await assert.rejects(kube.exec('nowhere', run), {
    name: 'KubeError',
    problem: 'invalid',
    message: `cannot create pods/exec ${namespace}/nowhere: pod nowhere does not have a host assigned`,
  })
  await assert.rejects(kube.exec('missing', run), { name: 'KubeError', problem: 'not-found', status: 404 })
  await assert.rejects(kube.exec('nowhere', { ...run, signal: AbortSignal.abort(new Error('enough')) }), /enough/)
})

test('a failed hook makes the backup PartiallyFailed; with onError Fail the pod stays out, and what was begun is undone', async () => {
  await using space = await testNamespace(kube)
  const namespace = space.name
  for (const [name, annotations] of Object.entries({
    strict: { ...failing, ...thawing },
    lenient: { [`${pre}command`]: 'freeze', ...thawing },
    plain: {},
  })) {
    await kube.create(Pods, podWith(name, annotations), { namespace })
  }
  const store = memoryStore()
  const { status } = await backUp({ kube, store, spec: { includedNamespaces: [namespace] } })
  assert.equal(status?.phase, 'PartiallyFailed')
  assert.deepEqual(status?.hookStatus, { hooksAttempted: 4, hooksFailed: 4 })
  const stored = await readBackup(store)
  assert.deepEqual(namesOf(stored, 'pods'), [`${namespace}/lenient`, `${namespace}/plain`])
  const { errors } = await findingsOf(store)
  const about = (name: string): string[] => errors.filter((line) => line.includes(name))
  assert.equal(about('strict').length, 3)
  assert.equal(about('lenient').length, 2)
  assert.match(about('strict').join(), /Error running pre hooks for pod/)
  assert.deepEqual(
    stored.trailer.frozen?.map(({ name }) => name).toSorted(),
    ['lenient', 'strict'],
    'the manifest says how long pods stood still',
  )
})

test('a backup of pods without hooks sends no request about them', async () => {
  await using space = await testNamespace(kube)
  const namespace = space.name
  const callsOf = async (): Promise<number> => {
    const before = kube.calls
    const { status } = await backUp({ kube, store: memoryStore(), spec: { includedNamespaces: [namespace] } })
    assert.deepEqual(status?.hookStatus, {})
    return kube.calls - before
  }
  const empty = await callsOf()
  await kube.create(Pods, podWith('a', {}), { namespace })
  await kube.create(Pods, podWith('b', {}), { namespace })
  assert.equal(await callsOf(), empty)
})

/** Runs the hooks of `pods`, which exist, and gives the log in one word for each line. */
async function groupsOf(
  pods: readonly KubeObject[],
  run: { spec?: BackupSpec; claims?: readonly KubeObject[]; take?: () => Promise<void>; signal?: AbortSignal },
): Promise<string[]> {
  const seen: string[] = []
  const names = (claims: readonly ClaimName[]): string =>
    claims
      .map(({ name }) => name)
      .toSorted()
      .join('+')
  const note = (message: string, fields: Record<string, unknown> = {}): void => {
    if (message === 'Error executing hook') seen.push(`${String(fields['hookPhase'])} ${String(fields['name'])}`)
  }
  const quiet = (): void => undefined
  await using groups = openPodGroups({
    backup: { apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name: 'b' }, spec: run.spec ?? {} },
    kube,
    log: { debug: quiet, info: quiet, warning: quiet, error: note },
    now: () => new Date(),
    signal: run.signal,
    async take(claims) {
      const known = await groups.claims
      assert.ok(claims.every(({ namespace, name }) => known.has(`${namespace}/${name}`)))
      seen.push(`take ${names(claims)}`)
      await run.take?.()
      seen.push(`took ${names(claims)}`)
    },
  })
  async function* items(): AsyncGenerator<CollectedItem> {
    for (const pod of pods) yield itemOf(Pods, rawObject(pod))
    for (const claim of run.claims ?? []) yield itemOf(Claims, rawObject(claim))
  }
  try {
    for await (const item of groups.items({ items: items(), gone: [] })) seen.push(`item ${item.name}`)
  } catch (error) {
    seen.push(`failed: ${(error as Error).message}`)
  }
  return seen
}

test('of each group all pods are frozen, then the snapshots of its claims are taken, then all are thawed, and only then the pods are stored', async () => {
  await using space = await testNamespace(kube)
  const hooks = { [`${pre}command`]: 'freeze', ...thawing }
  const made = async (name: string, claims: readonly string[]): Promise<KubeObject> =>
    await kube.create(Pods, podWith(name, hooks, claims), { namespace: space.name })
  const shared = [await made('a', ['data', 'wal']), await made('b', ['wal'])]
  const one = ['pre a', 'pre b', 'take data+wal', 'took data+wal', 'post a', 'post b']
  assert.deepEqual(await groupsOf(shared, {}), [...one, 'item a', 'item b'])

  const apart = [await made('c', ['c1']), await made('d', ['d1'])]
  const lines = await groupsOf(apart, {})
  const of = (name: string): string[] => lines.filter((line) => line.includes(name) && !line.startsWith('item'))
  assert.deepEqual(of('c'), ['pre c', 'take c1', 'took c1', 'post c'])
  assert.deepEqual(of('d'), ['pre d', 'take d1', 'took d1', 'post d'])

  const spec = { orderedResources: { pods: `${space.name}/d,${space.name}/c` } }
  const inOrder = ['pre d', 'pre c', 'take c1+d1', 'took c1+d1', 'post d', 'post c']
  assert.deepEqual((await groupsOf(apart, { spec })).slice(0, 6), inOrder)

  const labels = { 'velero.io/volume-group': 'bank' }
  const claims = ['c1', 'd1'].map((name) => object(Claims, name, { metadata: { namespace: space.name, labels } }))
  assert.deepEqual((await groupsOf(apart, { claims })).slice(4, 6), ['take c1+d1', 'took c1+d1'])
})

test('what is frozen is thawed when taking the snapshots fails, or the backup is stopped in the middle of it', async () => {
  await using space = await testNamespace(kube)
  const hooks = { [`${pre}command`]: 'freeze', ...thawing }
  const pod = await kube.create(Pods, podWith('a', hooks, ['data']), { namespace: space.name })
  const take = (): Promise<void> => Promise.reject(new Error('no snapshots'))
  assert.deepEqual(await groupsOf([pod], { take }), ['pre a', 'take data', 'post a', 'failed: no snapshots'])

  const stop = new AbortController()
  const stopping = async (): Promise<void> => {
    stop.abort(new Error('stopped'))
    await new Promise(() => undefined)
  }
  const lines = await groupsOf([pod], { take: stopping, signal: stop.signal })
  assert.deepEqual(lines, ['pre a', 'take data', 'post a', 'failed: stopped'])
})

test('in a pod that has ended no hook is run, and none has failed', async () => {
  await using space = await testNamespace(kube)
  const hooks = { [`${pre}command`]: 'freeze', ...thawing }
  await kube.create(Pods, podWith('done', hooks), { namespace: space.name })
  await kube.patch(
    Pods,
    'done',
    { merge: { status: { phase: 'Succeeded' } } },
    { namespace: space.name, subresource: 'status' },
  )
  const { status } = await backUp({ kube, store: memoryStore(), spec: { includedNamespaces: [space.name] } })
  assert.equal(status?.phase, 'Completed')
  assert.deepEqual(status?.hookStatus, { hooksAttempted: 2 })
})
