import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { applyWaves } from '#apply/apply-waves.ts'
import type { Outcome } from '#apply/outcome.ts'
import type { Task } from '#apply/task.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import { ownCluster, sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, Definitions, Namespaces, Pods, PriorityClasses, object } from '../support/objects.ts'

interface Order {
  type: ResourceType
  namespace?: string
  related?: readonly Task[]
}

function taskFor(object: KubeObject, { type, namespace, related = [] }: Order): Task {
  const placed = { ...object, metadata: { ...object.metadata, ...(namespace === undefined ? {} : { namespace }) } }
  return {
    resource: resourceName(type),
    namespace,
    name: object.metadata.name,
    prepare: () => Promise.resolve({ do: 'create', type, object: placed, related, remarks: [] }),
  }
}

const namespaceManifest = (name: string): Promise<KubeObject> => Promise.resolve(object(Namespaces, name))

/** Two definitions of one group that claim the same short name: the second one is never established. */
function rivals(group: string): [KubeObject, KubeObject] {
  const definition = (plural: string): KubeObject =>
    object(Definitions, `${plural}.${group}`, {
      spec: {
        group,
        scope: 'Namespaced',
        names: { plural, singular: plural.slice(0, -1), kind: plural, listKind: `${plural}List`, shortNames: ['same'] },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    })
  return [definition('oars'), definition('nets')]
}

const line = ({ resource, name, action }: Outcome): string => `${resource.split('.')[0]} ${name} ${action}`

test('objects of a type that never gets ready are errors in the end, and hold nobody up', async () => {
  await using cluster = await ownCluster()
  const { kube } = cluster
  await using namespace = await testNamespace(kube)
  const { name } = namespace
  const group = 'boats.lifeboat.test'
  const [good, bad] = rivals(group)
  const custom = (plural: string): ResourceType => ({ group, version: 'v1', plural, kind: plural, namespaced: true })
  const [oars, nets] = [custom('oars'), custom('nets')]
  const waves = [
    [taskFor(good, { type: Definitions })],
    [taskFor(bad, { type: Definitions })],
    [
      taskFor(object(nets, 'a'), { type: nets, namespace: name }),
      taskFor(object(oars, 'b'), { type: oars, namespace: name }),
    ],
    [taskFor(object(ConfigMaps, 'c'), { type: ConfigMaps, namespace: name })],
  ]
  const outcomes = await Array.fromAsync(applyWaves(waves, { kube, namespaceManifest, typePatience: 3_000 }))
  assert.deepEqual(outcomes.map(line).toSorted(), [
    'configmaps c created',
    `customresourcedefinitions nets.${group} created`,
    `customresourcedefinitions oars.${group} created`,
    'nets a failed',
    'oars b created',
  ])
  const last = outcomes.at(-1)
  assert.equal(last?.name, 'a')
  assert.match(
    last?.remarks[0]?.message ?? '',
    new RegExp(`error restoring nets.${group}/${name}/a: .*not established after 3 s`),
  )
})

test('what an object needs is there before it, once, whoever else needs it', async () => {
  const { kube } = await sharedCluster()
  const name = `test-${randomBytes(5).toString('hex')}`
  const important = taskFor(object(PriorityClasses, name, { value: 7 }), { type: PriorityClasses })
  const spec = { priorityClassName: name, containers: [{ name: 'main', image: 'busybox' }] }
  const pods = Array.from({ length: 20 }, (_, at) =>
    taskFor(object(Pods, `p-${at}`, { spec }), { type: Pods, namespace: name, related: [important] }),
  )
  try {
    // Neither namespace nor its account nor the class exist when the first pod comes.
    const outcomes = await Array.fromAsync(applyWaves([pods], { kube, namespaceManifest }))
    assert.deepEqual(
      outcomes.flatMap(({ remarks }) => remarks),
      [],
    )
    assert.equal(outcomes.filter(({ resource }) => resource === 'priorityclasses.scheduling.k8s.io').length, 1)
    assert.equal(outcomes.filter(({ resource }) => resource === 'namespaces').length, 1)
    assert.equal(outcomes.filter(({ action }) => action === 'created').length, 22)
  } finally {
    await kube.delete(Namespaces, name)
    await kube.delete(PriorityClasses, name)
  }
})

test('two objects that need each other do not wait for each other for ever', async () => {
  const { kube } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  const related: Task[] = []
  const place = { type: ConfigMaps, namespace: namespace.name, related }
  const pair = [taskFor(object(ConfigMaps, 'hen'), place), taskFor(object(ConfigMaps, 'egg'), place)]
  related.push(...pair)
  const outcomes = await Array.fromAsync(applyWaves([pair], { kube, namespaceManifest }))
  assert.deepEqual(outcomes.map(line).toSorted(), ['configmaps egg created', 'configmaps hen created'])
})

test('an object that cannot be read or is refused is its own failure only', async () => {
  const { kube } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  const place = { type: ConfigMaps, namespace: namespace.name }
  const unreadable: Task = {
    ...taskFor(object(ConfigMaps, 'spoilt'), place),
    prepare: () => Promise.reject(new Error('it is no JSON')),
  }
  const refused = taskFor(object(ConfigMaps, 'Not_A_Name'), place)
  const wave = [unreadable, refused, taskFor(object(ConfigMaps, 'fine'), place)]
  const outcomes = await Array.fromAsync(applyWaves([wave], { kube, namespaceManifest }))
  const failed = outcomes.filter(({ action }) => action === 'failed').map(({ remarks }) => remarks[0]?.message ?? '')
  assert.equal(failed.length, 2)
  assert.ok(failed.includes(`error restoring configmaps/${namespace.name}/spoilt: it is no JSON`))
  assert.ok(
    failed.some((message) => message.startsWith(`error restoring configmaps/${namespace.name}/Not_A_Name: ConfigMap`)),
  )
  assert.ok(outcomes.some((outcome) => line(outcome) === 'configmaps fine created'))
})

test('a namespace that is being deleted is watched only for objects that go there, and no longer than the run lasts', async () => {
  const { kube } = await sharedCluster()
  await using stuck = await testNamespace(kube)
  await using free = await testNamespace(kube)
  const hold = (finalizers: string[] | null): Promise<KubeObject> =>
    kube.patch(ConfigMaps, 'anchor', { merge: { metadata: { finalizers } } }, { namespace: stuck.name })
  await kube.create(ConfigMaps, object(ConfigMaps, 'anchor'), { namespace: stuck.name })
  await hold(['test.lifeboat.dev/hold'])
  await kube.delete(Namespaces, stuck.name)
  try {
    const wave = [taskFor(object(ConfigMaps, 'c'), { type: ConfigMaps, namespace: free.name })]
    await Array.fromAsync(applyWaves([wave], { kube, namespaceManifest }))
    const late = taskFor(object(ConfigMaps, 'd'), { type: ConfigMaps, namespace: stuck.name })
    const stop = AbortSignal.timeout(700)
    await assert.rejects(Array.fromAsync(applyWaves([[late]], { kube, namespaceManifest, signal: stop })))
    const { calls } = kube
    await sleep(1_200)
    assert.equal(kube.calls, calls)
  } finally {
    await hold(null)
  }
})
