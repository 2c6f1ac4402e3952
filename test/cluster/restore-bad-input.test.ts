// What a target cluster may refuse: each object's failure has its reason, the rest comes back, and a second run completes it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Results } from '#archive/results.ts'
import type { KubeClient } from '#kube/client.ts'
import { loadKubeConfig } from '#kube/config.ts'
import { connect } from '#kube/connect.ts'
import { resourceName, type ResourceType } from '#kube/object.ts'
import { memoryStore } from '#store/memory.ts'
import { backUp } from '../support/backup-run.ts'
import { ownCluster, testNamespace } from '../support/cluster.ts'
import { customType, define, undefine } from '../support/custom-type.ts'
import {
  ClusterRoleBindings,
  ClusterRoles,
  ConfigMaps,
  Definitions,
  Deployments,
  make,
  Namespaces,
  object,
  Secrets,
} from '../support/objects.ts'
import { bringBack, eventually, namesIn, removeNamespace } from './restore-order.ts'

let cluster: Awaited<ReturnType<typeof ownCluster>>
let kube: KubeClient
before(async () => {
  cluster = await ownCluster()
  ;({ kube } = cluster)
})
after(() => cluster[Symbol.asyncDispose]())

const errorsIn = ({ errors }: Results, namespace: string): string[] => errors.namespaces?.[namespace] ?? []
const own = (names: string[]): string[] => names.filter((name) => name !== 'kube-root-ca.crt')
const actions = (lines: string[] | undefined): string[] =>
  own((lines ?? []).map((line) => line.split('/').at(-1) ?? '')).filter((line) => !line.startsWith('kube-root-ca.crt'))

test('a namespace with a life of its own keeps what it has; only what is missing there comes in', async () => {
  await using shop = await testNamespace(kube)
  await using busy = await testNamespace(kube)
  const store = memoryStore()
  for (const [name, tea] of [
    ['same', '1'],
    ['drifted', '1'],
    ['missing', '1'],
  ]) {
    await make(kube, ConfigMaps, { name: name ?? '', namespace: shop.name, data: { tea } })
  }
  await backUp({ kube, store, spec: { includedNamespaces: [shop.name] } })
  await make(kube, ConfigMaps, { name: 'same', namespace: busy.name, data: { tea: '1' } })
  await make(kube, ConfigMaps, { name: 'drifted', namespace: busy.name, data: { tea: '9' } })
  await make(kube, ConfigMaps, { name: 'resident', namespace: busy.name })
  const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'busybox' }] } }
  const selector = { matchLabels: { app: 'a' } }
  const deployment = await make(kube, Deployments, { name: 'own', namespace: busy.name, spec: { selector, template } })

  const { restore, results, resourceList } = await bringBack({
    kube,
    store,
    spec: { namespaceMapping: { [shop.name]: busy.name } },
  })
  assert.equal(restore.status?.phase, 'Completed')
  assert.deepEqual(results.errors, {})
  assert.match(
    results.warnings.namespaces?.[busy.name]?.join() ?? '',
    /^could not restore, ConfigMap:drifted already exists/,
  )
  assert.deepEqual(actions(resourceList['v1/ConfigMap']), ['drifted(failed)', 'missing(created)', 'same(skipped)'])
  assert.deepEqual((await kube.get(ConfigMaps, 'drifted', { namespace: busy.name }))['data'], { tea: '9' })
  assert.ok((await namesIn(kube, ConfigMaps, busy.name)).includes('resident'))
  const after = await kube.get(Deployments, 'own', { namespace: busy.name })
  assert.deepEqual(
    [after.metadata.uid, after.metadata.generation],
    [deployment.metadata.uid, deployment.metadata.generation],
  )
})

/** Two objects of a custom type and a ConfigMap, backed up and gone; the type is still there. */
async function lostOrchard(
  type: ResourceType,
): Promise<AsyncDisposable & { name: string; store: ReturnType<typeof memoryStore> }> {
  await using namespace = await testNamespace(kube)
  const { name } = namespace
  const store = memoryStore()
  if (type.group !== '') await define(kube, type)
  for (const tree of ['apple', 'pear']) await make(kube, type, { name: tree, namespace: name, spec: { height: 3 } })
  await make(kube, ConfigMaps, { name: 'notes', namespace: name })
  await backUp({ kube, store, spec: { includedNamespaces: [name] } })
  await removeNamespace(kube, name)
  return { name, store, [Symbol.asyncDispose]: async () => void (await kube.delete(Namespaces, name)) }
}

/** The first run reports `reason` for both trees and brings the notes; after `mend` the second one brings the trees. */
async function inTwoRuns(
  { name, store }: { name: string; store: ReturnType<typeof memoryStore> },
  {
    type,
    reason,
    spoil,
    mend,
  }: { type: ResourceType; reason: RegExp; spoil: () => Promise<void>; mend: () => Promise<void> },
): Promise<void> {
  await spoil()
  const spec = { includedNamespaces: [name] }
  const first = await bringBack({ kube, store, name: 'first', spec })
  assert.deepEqual([first.restore.status?.phase, first.restore.status?.errors], ['PartiallyFailed', 2])
  for (const [at, tree] of ['apple', 'pear'].entries()) {
    const message = errorsIn(first.results, name).toSorted()[at] ?? ''
    assert.ok(message.startsWith(`error restoring ${resourceName(type)}/${name}/${tree}: `), message)
    assert.match(message, reason)
  }
  assert.ok((await namesIn(kube, ConfigMaps, name)).includes('notes'))
  await mend()
  const second = await bringBack({ kube, store, name: 'second', spec })
  assert.deepEqual(second.results.errors, {})
  assert.equal(second.restore.status?.phase, 'Completed')
  assert.deepEqual(actions(Object.entries(second.resourceList).find(([key]) => key.endsWith(type.kind))?.[1]), [
    'apple(created)',
    'pear(created)',
  ])
  assert.deepEqual(await namesIn(kube, type, name), ['apple', 'pear'])
}

test('objects of a type that the cluster lacks are errors; once the type is there they come', async () => {
  const Trees = customType('trees')
  await using orchard = await lostOrchard(Trees)
  await inTwoRuns(orchard, {
    type: Trees,
    reason: /the server could not find the requested resource$/,
    spoil: () => undefine(kube, Trees),
    mend: () => define(kube, Trees),
  })
})

const versionOf = (name: string, schema: object = { 'x-kubernetes-preserve-unknown-fields': true }): object => ({
  name,
  served: true,
  storage: true,
  schema: { openAPIV3Schema: { type: 'object', ...schema } },
})

test('objects of a version that the live definition no longer has are errors; once it has it again they come', async () => {
  const Bushes = customType('bushes')
  await using orchard = await lostOrchard(Bushes)
  await inTwoRuns(orchard, {
    type: Bushes,
    reason: /the server could not find the requested resource$/,
    async spoil() {
      await undefine(kube, Bushes)
      await define(kube, { ...Bushes, version: 'v2' }, { versions: [versionOf('v2')] })
    },
    async mend() {
      const versions = [versionOf('v2'), { ...versionOf('v1'), storage: false }]
      await kube.patch(Definitions, resourceName(Bushes), { merge: { spec: { versions } } })
      await eventually(
        async () =>
          (await kube.discover()).types.some(({ plural, version }) => plural === 'bushes' && version === 'v1'),
        'bushes v1',
      )
    },
  })
})

test('objects that the live schema refuses are errors that name the field; once it lets them in they come', async () => {
  const Hedges = customType('hedges')
  await using orchard = await lostOrchard(Hedges)
  const schema = (rules: object): { merge: object } => ({ merge: { spec: { versions: [versionOf('v1', rules)] } } })
  const low = { properties: { spec: { type: 'object', properties: { height: { type: 'integer', maximum: 2 } } } } }
  const probe = object(Hedges, 'probe', { spec: { height: 3 } })
  const taken = (): Promise<boolean> =>
    kube.create(Hedges, probe, { namespace: 'default', dryRun: true }).then(
      () => true,
      () => false,
    )
  await inTwoRuns(orchard, {
    type: Hedges,
    reason: /spec\.height: Invalid value: 3: .*less than or equal to 2/,
    async spoil() {
      await kube.patch(Definitions, resourceName(Hedges), schema(low))
      await eventually(async () => !(await taken()), 'the strict schema')
    },
    async mend() {
      await kube.patch(Definitions, resourceName(Hedges), schema({ 'x-kubernetes-preserve-unknown-fields': true }))
      await eventually(taken, 'the open schema')
    },
  })
})

const Policies: ResourceType = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'validatingadmissionpolicies',
  kind: 'ValidatingAdmissionPolicy',
  namespaced: false,
}
const PolicyBindings = {
  ...Policies,
  plural: 'validatingadmissionpolicybindings',
  kind: 'ValidatingAdmissionPolicyBinding',
}
const Quotas: ResourceType = { ...ConfigMaps, plural: 'resourcequotas', kind: 'ResourceQuota' }

test('objects that an admission policy refuses are errors in its words; without it they come', async () => {
  const Vines = customType('vines')
  await using orchard = await lostOrchard(Vines)
  const { group } = Vines
  const resourceRules = [{ apiGroups: [group], apiVersions: ['*'], operations: ['CREATE'], resources: ['vines'] }]
  const validations = [{ expression: 'object.spec.height < 2', message: 'too high for this garden' }]
  const probe = object(Vines, 'probe', { spec: { height: 3 } })
  const taken = (): Promise<boolean> =>
    kube.create(Vines, probe, { namespace: 'default', dryRun: true }).then(
      () => true,
      () => false,
    )
  await inTwoRuns(orchard, {
    type: Vines,
    reason: /too high for this garden/,
    async spoil() {
      await make(kube, Policies, { name: 'low', spec: { matchConstraints: { resourceRules }, validations } })
      await make(kube, PolicyBindings, { name: 'low', spec: { policyName: 'low', validationActions: ['Deny'] } })
      await eventually(async () => !(await taken()), 'the policy')
    },
    async mend() {
      await kube.delete(PolicyBindings, 'low')
      await kube.delete(Policies, 'low')
      await eventually(taken, 'no policy')
    },
  })
})

test('objects over a quota are errors that say how much is used; with more room they come', async () => {
  await using orchard = await lostOrchard(Secrets)
  const { name: namespace } = orchard
  const statusShows = async (count: string): Promise<boolean> => {
    const quota = await kube.get(Quotas, 'small', { namespace })
    return (quota['status'] as { hard?: { secrets?: string } } | undefined)?.hard?.secrets === count
  }
  await inTwoRuns(orchard, {
    type: Secrets,
    reason: /exceeded quota: small, requested: secrets=1, used: secrets=0, limited: secrets=0/,
    async spoil() {
      await make(kube, Namespaces, { name: namespace })
      await make(kube, Quotas, { name: 'small', namespace, spec: { hard: { secrets: '0' } } })
      await eventually(() => statusShows('0'), 'the quota')
    },
    async mend() {
      await kube.patch(Quotas, 'small', { merge: { spec: { hard: { secrets: '5' } } } }, { namespace })
      await eventually(() => statusShows('5'), 'the larger quota')
    },
  })
})

/** A client of a user who has these rights and no others. */
async function limitedUser(name: string, rules: object[]): Promise<AsyncDisposable & { kube: KubeClient }> {
  await make(kube, ClusterRoles, { name, rules })
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name }
  await make(kube, ClusterRoleBindings, { name, roleRef, subjects: [{ kind: 'User', name }] })
  const config = await loadKubeConfig({ env: {}, home: '/', kubeconfig: cluster.kubeconfigPath })
  const headers = { 'Impersonate-User': [name], 'Impersonate-Group': ['system:authenticated'] }
  const limited = connect({ ...config, user: { ...config.user, headers } })
  return { kube: limited, [Symbol.asyncDispose]: () => limited.close() }
}

test('without the right to make some types, or even to list namespaces, everything else comes; with it, the rest', async () => {
  await using namespace = await testNamespace(kube)
  const { name } = namespace
  const store = memoryStore()
  for (const one of ['a', 'b']) {
    await make(kube, ConfigMaps, { name: one, namespace: name })
    await make(kube, Secrets, { name: one, namespace: name, stringData: { key: one } })
  }
  const spec = { includedNamespaces: [name], includedResources: ['configmaps', 'secrets'] }
  await backUp({ kube, store, spec })
  for (const one of ['a', 'b']) {
    await kube.delete(ConfigMaps, one, { namespace: name })
    await kube.delete(Secrets, one, { namespace: name })
  }
  const verbs = ['get', 'list', 'create', 'patch']
  await using user = await limitedUser('gardener', [{ apiGroups: [''], resources: ['configmaps'], verbs }])
  const first = await bringBack({ kube: user.kube, store, name: 'first', spec })
  assert.deepEqual([first.restore.status?.phase, first.restore.status?.errors], ['PartiallyFailed', 2])
  for (const [at, secret] of ['a', 'b'].entries()) {
    const message = errorsIn(first.results, name).toSorted()[at] ?? ''
    assert.match(
      message,
      new RegExp(
        `^error restoring secrets/${name}/${secret}: secrets is forbidden: User "gardener" cannot create resource "secrets"`,
      ),
    )
  }
  assert.deepEqual(own(await namesIn(kube, ConfigMaps, name)), ['a', 'b'])
  const second = await bringBack({ kube, store, name: 'second', spec })
  assert.equal(second.restore.status?.phase, 'Completed')
  assert.deepEqual(actions(second.resourceList['v1/Secret']), ['a(created)', 'b(created)'])
})
