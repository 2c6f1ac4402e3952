import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { BackupSpec } from '#api/backup.ts'
import type { KubeClient } from '#kube/client.ts'
import type { ResourceType } from '#kube/object.ts'
import { memoryStore } from '#store/memory.ts'
import { backUp, namesOf, readBackup, type StoredContents } from '../support/backup-run.ts'
import { ownCluster, sharedCluster, testNamespace } from '../support/cluster.ts'
import { define } from '../support/custom-type.ts'
import {
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
import { boundClaim, passing } from '../support/volumes.ts'

let kube: KubeClient
before(async () => {
  ;({ kube } = await sharedCluster())
})

async function backedUp(spec: BackupSpec, from = kube): Promise<StoredContents> {
  const store = memoryStore()
  await backUp({ kube: from, store, spec })
  return await readBackup(store)
}

const container = { name: 'main', image: 'registry.example.com/app:1' }

test('service accounts bring their cluster role bindings, and these their cluster roles', async () => {
  await using shop = await testNamespace(kube)
  await using _role = await passing(kube, ClusterRoles, { name: `${shop.name}-reader`, rules: [] })
  await using _other = await passing(kube, ClusterRoles, { name: `${shop.name}-unused`, rules: [] })
  await using _binding = await passing(kube, ClusterRoleBindings, {
    name: `${shop.name}-clerk`,
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
  await using _volume = await boundClaim(kube, { namespace: shop.name, name: 'data' })
  await using _other = await passing(kube, Volumes, {
    name: `${shop.name}-spare`,
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/nowhere' } },
  })
  const contents = await backedUp({ includedNamespaces: [shop.name] })
  assert.deepEqual(namesOf(contents, 'persistentvolumes'), [`${shop.name}-data`])
  assert.ok(contents.trailer.cut.types.find(({ resource }) => resource === 'persistentvolumes')?.atCut)
})

test('a pod that a selector takes brings its claim, the claim its volume, and the pod its priority class', async () => {
  await using shop = await testNamespace(kube)
  await using _volume = await boundClaim(kube, { namespace: shop.name, name: 'data' })
  await using _unused = await boundClaim(kube, { namespace: shop.name, name: 'unused' })
  await using _priority = await passing(kube, PriorityClasses, { name: `${shop.name}-high`, value: 10 })
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
