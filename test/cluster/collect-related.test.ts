import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { BackupSpec } from '#api/backup.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { memoryStore } from '#store/memory.ts'
import { backUp, namesOf, readBackup, type StoredContents } from '../support/backup-run.ts'
import { ownCluster, sharedCluster, testNamespace } from '../support/cluster.ts'
import { define } from '../support/custom-type.ts'
import {
  Claims,
  ClusterRoleBindings,
  ClusterRoles,
  ConfigMaps,
  make,
  makeAdmitted,
  Pods,
  PriorityClasses,
  ServiceAccounts,
  Volumes,
} from '../support/objects.ts'

let kube: KubeClient
before(async () => {
  ;({ kube } = await sharedCluster())
})

async function backedUp(spec: BackupSpec, from = kube): Promise<StoredContents> {
  const store = memoryStore()
  await backUp({ kube: from, store, spec })
  return await readBackup(store)
}

/** Makes a cluster-scoped object that goes away with the test. */
async function passing(type: ResourceType, name: string, rest: Record<string, unknown>): Promise<AsyncDisposable> {
  await make(kube, type, { name, ...rest })
  return {
    async [Symbol.asyncDispose]() {
      await kube.delete(type, name)
    },
  }
}

/** Makes a volume and a claim that the controllers bind to each other. */
async function boundClaim(
  namespace: string,
  name: string,
  rest: Record<string, unknown> = {},
): Promise<AsyncDisposable> {
  const volumeName = `${namespace}-${name}`
  const size = { storage: '1Gi' }
  const volume = await passing(Volumes, volumeName, {
    spec: {
      capacity: size,
      accessModes: ['ReadWriteOnce'],
      storageClassName: '',
      claimRef: { namespace, name },
      hostPath: { path: '/nowhere' },
    },
  })
  await make(kube, Claims, {
    namespace,
    name,
    ...rest,
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: '', volumeName, resources: { requests: size } },
  })
  const isBound = (claim: KubeObject): boolean => (claim['status'] as { phase?: string })?.phase === 'Bound'
  while (!isBound(await kube.get(Claims, name, { namespace }))) await pause(100)
  return volume
}

const container = { name: 'main', image: 'registry.example.com/app:1' }

test('service accounts bring their cluster role bindings, and these their cluster roles', async () => {
  await using shop = await testNamespace(kube)
  await using _role = await passing(ClusterRoles, `${shop.name}-reader`, { rules: [] })
  await using _other = await passing(ClusterRoles, `${shop.name}-unused`, { rules: [] })
  await using _binding = await passing(ClusterRoleBindings, `${shop.name}-clerk`, {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: `${shop.name}-reader` },
    subjects: [{ kind: 'ServiceAccount', name: 'clerk', namespace: shop.name }],
  })
  await make(kube, ServiceAccounts, { namespace: shop.name, name: 'clerk' })
  const contents = await backedUp({ includedNamespaces: [shop.name] })
  assert.deepEqual(namesOf(contents, 'clusterrolebindings.rbac.authorization.k8s.io'), [`${shop.name}-clerk`])
  assert.deepEqual(namesOf(contents, 'clusterroles.rbac.authorization.k8s.io'), [`${shop.name}-reader`])
})

test('a bound claim brings its volume; an unbound one and other volumes do not', async () => {
  await using shop = await testNamespace(kube)
  await using _volume = await boundClaim(shop.name, 'data')
  await using _other = await passing(Volumes, `${shop.name}-spare`, {
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/nowhere' } },
  })
  const contents = await backedUp({ includedNamespaces: [shop.name] })
  assert.deepEqual(namesOf(contents, 'persistentvolumes'), [`${shop.name}-data`])
  assert.ok(contents.trailer.cut.types.find(({ resource }) => resource === 'persistentvolumes')?.atCut)
})

test('a pod that a selector takes brings its claim, the claim its volume, and the pod its priority class', async () => {
  await using shop = await testNamespace(kube)
  await using _volume = await boundClaim(shop.name, 'data')
  await using _unused = await boundClaim(shop.name, 'unused')
  await using _priority = await passing(PriorityClasses, `${shop.name}-high`, { value: 10 })
  await makeAdmitted(kube, Pods, {
    namespace: shop.name,
    name: 'web',
    metadata: { labels: { app: 'web' } },
    spec: {
      containers: [container],
      priorityClassName: `${shop.name}-high`,
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
    },
  })
  await make(kube, ConfigMaps, { namespace: shop.name, name: 'unlabelled' })
  const contents = await backedUp({
    includedNamespaces: [shop.name],
    labelSelector: { matchLabels: { app: 'web' } },
  })
  assert.deepEqual(namesOf(contents, 'pods'), [`${shop.name}/web`])
  assert.deepEqual(namesOf(contents, 'persistentvolumeclaims'), [`${shop.name}/data`])
  assert.deepEqual(namesOf(contents, 'persistentvolumes'), [`${shop.name}-data`])
  assert.deepEqual(namesOf(contents, 'priorityclasses.scheduling.k8s.io'), [`${shop.name}-high`])
  assert.deepEqual(namesOf(contents, 'configmaps'), [])
})

test('custom objects bring their definition, even where no other cluster-scoped object is taken', async () => {
  await using cluster = await ownCluster()
  const group = 'harvest.lifeboat.test'
  const custom = (plural: string, kind: string): ResourceType => ({
    group,
    version: 'v1',
    plural,
    kind,
    namespaced: true,
  })
  const [Crates, Barrels] = [custom('crates', 'Crate'), custom('barrels', 'Barrel')]
  for (const type of [Crates, Barrels]) await define(cluster.kube, type)
  await make(cluster.kube, Crates, { namespace: 'default', name: 'apples' })
  const contents = await backedUp({ includedNamespaces: ['default'] }, cluster.kube)
  assert.deepEqual(namesOf(contents, `crates.${group}`), ['default/apples'])
  assert.deepEqual(namesOf(contents, 'customresourcedefinitions.apiextensions.k8s.io'), [`crates.${group}`])
})
