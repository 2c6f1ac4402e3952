import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { BackupError } from '#backup/error.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { ResourceType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import { memoryStore } from '#store/memory.ts'
import type { ObjectStore } from '#store/store.ts'
import { findingsOf } from '../support/backup-results.ts'
import { backUp, namesOf, readBackup } from '../support/backup-run.ts'
import { ownCluster } from '../support/cluster.ts'
import { customType, define, undefine } from '../support/custom-type.ts'
import { faultyApi, type Fault } from '../support/faulty-api.ts'
import { ClusterRoleBindings, ClusterRoles, ConfigMaps, make, Namespaces } from '../support/objects.ts'

/** More than two pages. */
const MANY = 1100
const limit = { timeout: 40_000 }

let cluster: Awaited<ReturnType<typeof ownCluster>>
let kube: KubeClient
before(async () => {
  cluster = await ownCluster()
  ;({ kube } = cluster)
  await make(kube, Namespaces, { name: 'shop' })
  await make(kube, ConfigMaps, { namespace: 'shop', name: 'prices' })
})
after(() => cluster[Symbol.asyncDispose]())

async function fill(type: ResourceType, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, i) => i).values()
  const worker = async (): Promise<void> => {
    for (const i of numbers) await make(kube, type, { namespace: 'shop', name: `n-${String(i).padStart(5, '0')}` })
  }
  await Promise.all(Array.from({ length: 16 }, worker))
}

/** The lists of `type`, the first request of a list or a later page. */
function isList(url: URL, { plural }: ResourceType, which: 'first' | 'later'): boolean {
  return url.pathname.endsWith(`/${plural}`) && url.searchParams.has('continue') === (which === 'later')
}

/** Does `event` once, when the `nth` request that `is` it arrives; that request is held up meanwhile. */
function once(is: (url: URL) => boolean, event: () => Promise<void>, nth = 1): (url: URL) => Promise<undefined> {
  let [seen, happened] = [0, undefined as Promise<void> | undefined]
  return async (url) => {
    if (!is(url)) return
    seen += 1
    if (seen >= nth) await (happened ??= event())
  }
}

/** Backs up everything while `decide` interferes; `events` says how often it was asked to. */
async function backUpThrough(
  decide: (url: URL) => Fault | undefined | Promise<Fault | undefined>,
  order: { headers?: Record<string, string>; spec?: object } = {},
): Promise<{ phase: string | undefined; store: ObjectStore }> {
  const { headers = {}, spec } = order
  await using api = await faultyApi(cluster.kubeconfigPath, decide, { headers })
  const store = memoryStore()
  const { status } = await backUp({ kube: api.kube, store, ...(spec === undefined ? {} : { spec }) })
  return { phase: status?.phase, store }
}

test('a type that is gone before it is listed is reported, and everything else is there', limit, async () => {
  const type = customType('mayflies')
  await define(kube, type)
  await make(kube, type, { namespace: 'shop', name: 'one' })
  const decide = once(
    (url) => isList(url, type, 'first'),
    () => undefine(kube, type),
  )
  const { phase, store } = await backUpThrough(decide)
  assert.equal(phase, 'PartiallyFailed')
  const { errors } = await findingsOf(store)
  assert.equal(errors.length, 1, errors.join('\n'))
  assert.match(errors[0] ?? '', /mayflies\.faults\.lifeboat\.test/)
  assert.match(errors[0] ?? '', /could not find|not found/)
  const contents = await readBackup(store)
  assert.ok(namesOf(contents, 'configmaps').includes('shop/prices'))
  assert.deepEqual(contents.verification.differences, [])
})

test('a type that goes between two pages is reported, and what was read of it is whole', limit, async () => {
  const type = customType('melters')
  await define(kube, type)
  await fill(type, MANY)
  const decide = once(
    (url) => isList(url, type, 'later'),
    () => undefine(kube, type),
    2,
  )
  const { phase, store } = await backUpThrough(decide)
  assert.equal(await kube.list(type).catch((error: KubeError) => error.problem), 'not-found')
  assert.equal(phase, 'PartiallyFailed')
  const { errors } = await findingsOf(store)
  assert.equal(errors.length, 1, errors.join('\n'))
  assert.match(errors[0] ?? '', /melters\.faults\.lifeboat\.test/)
  const contents = await readBackup(store)
  assert.deepEqual(contents.verification.differences, [])
  assert.ok(namesOf(contents, 'configmaps').includes('shop/prices'))
  const read = namesOf(contents, resourceName(type))
  assert.ok(read.length > 0 && read.length < MANY, `${read.length} were read`)
  const { objects, atCut } = contents.trailer.cut.types.find(({ resource }) => resource === resourceName(type)) ?? {}
  assert.deepEqual([objects, atCut], [read.length, false])
})

test('a type and a namespace that come during the backup are not in it, and nobody misses them', limit, async () => {
  const type = customType('latecomers')
  const come = async (): Promise<void> => {
    await define(kube, type)
    await make(kube, Namespaces, { name: 'late' })
    await make(kube, type, { namespace: 'late', name: 'one' })
  }
  const { phase, store } = await backUpThrough(once((url) => isList(url, ConfigMaps, 'first'), come))
  assert.equal(phase, 'Completed')
  const contents = await readBackup(store)
  assert.deepEqual(namesOf(contents, resourceName(type)), [])
  assert.ok(!namesOf(contents, 'namespaces').includes('late'))
})

test('a namespace that is deleted during the backup is in it as it was when it began', limit, async () => {
  await make(kube, Namespaces, { name: 'doomed' })
  await make(kube, ConfigMaps, { namespace: 'doomed', name: 'last-words' })
  const go = async (): Promise<void> => {
    await kube.delete(Namespaces, 'doomed')
    while ((await kube.find(ConfigMaps, 'last-words', { namespace: 'doomed' })) !== undefined) await pause(50)
  }
  const { phase, store } = await backUpThrough(once((url) => isList(url, ConfigMaps, 'first'), go))
  assert.equal(phase, 'Completed')
  const contents = await readBackup(store)
  assert.ok(namesOf(contents, 'configmaps').includes('doomed/last-words'))
  assert.ok(namesOf(contents, 'namespaces').includes('doomed'))
})

/** A user who may list everything until `revoke`. */
async function reader(name: string): Promise<{ headers: Record<string, string>; revoke: () => Promise<void> }> {
  await make(kube, ClusterRoles, { name, rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['list'] }] })
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name }
  await make(kube, ClusterRoleBindings, { name, roleRef, subjects: [{ kind: 'User', name }] })
  const headers = { 'impersonate-user': name, 'impersonate-group': 'system:authenticated' }
  await using asked = await faultyApi(cluster.kubeconfigPath, () => undefined, { headers })
  const may = (): Promise<boolean> =>
    asked.kube.list(ConfigMaps, { limit: 1 }).then(
      () => true,
      () => false,
    )
  while (!(await may())) await pause(50)
  const revoke = async (): Promise<void> => {
    await kube.delete(ClusterRoleBindings, name)
    await using late = await faultyApi(cluster.kubeconfigPath, () => undefined, { headers })
    while (
      await late.kube.list(ConfigMaps, { limit: 1 }).then(
        () => true,
        () => false,
      )
    )
      await pause(50)
  }
  return { headers, revoke }
}

test('a permission that is taken away during the backup is named for each list it stopped', limit, async () => {
  const type = customType('secrets-of-state')
  await define(kube, type)
  await fill(type, MANY)
  const { headers, revoke } = await reader('short-lived')
  const decide = once((url) => isList(url, type, 'later'), revoke, 2)
  const { phase, store } = await backUpThrough(decide, { headers })
  assert.equal(phase, 'PartiallyFailed')
  const { errors } = await findingsOf(store)
  assert.ok(errors.length > 0)
  for (const error of errors) assert.match(error, /is forbidden: User .*short-lived/)
  assert.ok(errors.some((error) => error.includes('secrets-of-state')))
  assert.deepEqual((await readBackup(store)).verification.differences, [])
  await undefine(kube, type)
})

test('a permission that is taken away before the lists begin ends the backup with nothing written', limit, async () => {
  const { headers, revoke } = await reader('shorter-lived')
  const store = memoryStore()
  const decide = once((url) => isList(url, ConfigMaps, 'first'), revoke)
  await using api = await faultyApi(cluster.kubeconfigPath, decide, { headers })
  await assert.rejects(
    backUp({ kube: api.kube, store, spec: { includedResources: ['configmaps'] } }),
    (error) => error instanceof BackupError && error.problem === 'forbidden' && error.message.includes('configmaps'),
  )
  assert.deepEqual(await Array.fromAsync(store.list('')), [])
})
