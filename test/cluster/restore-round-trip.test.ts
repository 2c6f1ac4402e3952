import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { memoryStore } from '#store/memory.ts'
import { backUp } from '../support/backup-run.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import {
  ConfigMaps,
  Deployments,
  Namespaces,
  Pods,
  RoleBindings,
  Roles,
  Secrets,
  ServiceAccounts,
  make,
} from '../support/objects.ts'
import { bringBack, eventually, namesIn, removeNamespace } from './restore-order.ts'

const ReplicaSets: ResourceType = { ...Deployments, plural: 'replicasets', kind: 'ReplicaSet' }
const StatefulSets: ResourceType = { ...Deployments, plural: 'statefulsets', kind: 'StatefulSet' }
const Jobs: ResourceType = { ...Deployments, group: 'batch', plural: 'jobs', kind: 'Job' }
const Services: ResourceType = { ...ConfigMaps, plural: 'services', kind: 'Service' }

const podOf = (app: string): object => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'main', image: 'busybox:1.36', command: ['sh', '-c', 'sleep 1 && echo a > b'] }] },
})

/** A shop with what needs care: controlled pods, revisions, a job under way, addresses, tokens, roles. */
async function furnish(kube: KubeClient, namespace: string): Promise<void> {
  const selector = { matchLabels: { app: 'web' } }
  await kube.patch(Namespaces, namespace, {
    merge: { metadata: { labels: { team: 'blue' }, annotations: { note: 'x' } } },
  })
  await make(kube, ServiceAccounts, { name: 'till', namespace })
  await make(kube, Roles, {
    name: 'reader',
    namespace,
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
  })
  await make(kube, RoleBindings, {
    name: 'reader',
    namespace,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
    subjects: [{ kind: 'ServiceAccount', name: 'till', namespace }],
  })
  await make(kube, ConfigMaps, { name: 'prices', namespace, data: { tea: '3', html: '<b>&</b>' } })
  await make(kube, Secrets, { name: 'login', namespace, stringData: { user: 'admin' } })
  await make(kube, Secrets, {
    name: 'till-pass',
    namespace,
    type: 'kubernetes.io/service-account-token',
    metadata: { annotations: { 'kubernetes.io/service-account.name': 'till' } },
  })
  await make(kube, Services, { name: 'web', namespace, spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } })
  await make(kube, Deployments, { name: 'web', namespace, spec: { replicas: 2, selector, template: podOf('web') } })
  await make(kube, StatefulSets, {
    name: 'ledger',
    namespace,
    spec: {
      replicas: 1,
      serviceName: 'ledger',
      selector: { matchLabels: { app: 'ledger' } },
      template: podOf('ledger'),
    },
  })
  const template = { ...podOf('count'), spec: { ...(podOf('count') as KubeObject)['spec']!, restartPolicy: 'Never' } }
  await make(kube, Jobs, { name: 'count', namespace, spec: { template } })
  await eventually(async () => (await namesIn(kube, Pods, namespace)).length === 4, 'pods of all controllers')
}

function ownerOf({ metadata }: KubeObject): string | undefined {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller)
  return owner && `${owner.kind}/${owner.name}`
}

test('a namespace comes back with everything in it, and its controllers take up their old objects', async () => {
  const { kube } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  const { name } = namespace
  const store = memoryStore()
  await furnish(kube, name)
  const spec = { includedNamespaces: [name] }
  await backUp({ kube, store, spec })
  const [pods, sets, service] = await Promise.all([
    kube.list(Pods, { namespace: name }),
    namesIn(kube, ReplicaSets, name),
    kube.get(Services, 'web', { namespace: name }),
  ])
  await removeNamespace(kube, name)

  const { restore, results } = await bringBack({ kube, store, spec })
  assert.deepEqual(results.errors, {})
  assert.equal(restore.status?.phase, 'Completed')
  const web = pods.items.filter((pod) => ownerOf(pod)?.startsWith('ReplicaSet/'))
  await eventually(async () => {
    const live = await kube.list(Pods, { namespace: name, labelSelector: 'app in (web,ledger)' })
    return live.items.every((pod) => ownerOf(pod) !== undefined)
  }, 'adoption of all pods')
  await sleep(1_000)
  assert.deepEqual(await namesIn(kube, ReplicaSets, name), sets)
  const live = await kube.list(Pods, { namespace: name, labelSelector: 'app in (web,ledger)' })
  assert.deepEqual(
    live.items.map((pod) => [pod.metadata.name, ownerOf(pod)]).toSorted(),
    [...web, ...pods.items.filter((pod) => pod.metadata.name === 'ledger-0')]
      .map((pod) => [pod.metadata.name, ownerOf(pod)])
      .toSorted(),
  )
  const made = await kube.get(Namespaces, name)
  assert.equal(made.metadata.labels?.['team'], 'blue')
  assert.equal(made.metadata.annotations?.['note'], 'x')
  assert.equal(made.metadata.labels?.['velero.io/restore-name'], undefined)
  const prices = await kube.get(ConfigMaps, 'prices', { namespace: name })
  assert.deepEqual(prices['data'], { tea: '3', html: '<b>&</b>' })
  assert.equal(prices.metadata.labels?.['velero.io/restore-name'], 'again')
  assert.equal(prices.metadata.labels?.['velero.io/backup-name'], 'nightly')
  const addressOf = (object: KubeObject): unknown => (object['spec'] as { clusterIP: string }).clusterIP
  assert.ok(addressOf(await kube.get(Services, 'web', { namespace: name })))
  assert.ok(addressOf(service))
  // A token of the dead account would be worthless; the cluster makes a new one.
  await eventually(async () => {
    const pass = await kube.get(Secrets, 'till-pass', { namespace: name })
    return (pass['data'] as { token?: string } | undefined)?.token !== undefined
  }, 'a token in the restored Secret')
})

test('objects keep the owners of their fields', async () => {
  const { kube } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  const { name } = namespace
  const store = memoryStore()
  const one = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' }, data: { a: '1' } }
  await kube.create(ConfigMaps, one, { namespace: name, fieldManager: 'kubectl-create' })
  const applied = { ...one, metadata: { name: 'two', namespace: name } }
  await kube.apply(ConfigMaps, applied, { namespace: name, fieldManager: 'captain' })
  await kube.patch(ConfigMaps, 'two', { merge: { data: { b: '2' } } }, { namespace: name, fieldManager: 'mate' })
  const spec = { includedNamespaces: [name] }
  await backUp({ kube, store, spec })
  await removeNamespace(kube, name)
  await bringBack({ kube, store, spec })

  const managers = async (object: string) =>
    (
      (await kube.get(ConfigMaps, object, { namespace: name })).metadata.managedFields as {
        manager: string
        operation: string
      }[]
    )
      .map(({ manager, operation }) => `${manager}/${operation}`)
      .toSorted()
  assert.deepEqual(await managers('one'), ['kubectl-create/Update'])
  assert.deepEqual(await managers('two'), ['captain/Apply', 'mate/Update'])
  // With a co-owner of its field this would be a conflict.
  await kube.apply(ConfigMaps, { ...applied, data: { a: '9' } }, { namespace: name, fieldManager: 'captain' })
})

test('a namespace can be restored under another name, beside the original', async () => {
  const { kube } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  const { name } = namespace
  const target = `${name}-copy`
  const store = memoryStore()
  await furnish(kube, name)
  await backUp({ kube, store, spec: { includedNamespaces: [name] } })
  try {
    const { restore, results } = await bringBack({ kube, store, spec: { namespaceMapping: { [name]: target } } })
    assert.deepEqual(results.errors, {})
    assert.equal(restore.status?.phase, 'Completed')
    const binding = await kube.get(RoleBindings, 'reader', { namespace: target })
    assert.deepEqual(binding['subjects'], [{ kind: 'ServiceAccount', name: 'till', namespace: target }])
    assert.equal((await kube.get(Namespaces, target)).metadata.labels?.['team'], 'blue')
    const ours = (names: string[]) => names.filter((one) => one !== 'kube-root-ca.crt')
    assert.deepEqual(ours(await namesIn(kube, ConfigMaps, target)), ours(await namesIn(kube, ConfigMaps, name)))
    assert.equal((await kube.get(ConfigMaps, 'prices', { namespace: name })).metadata.labels, undefined)
  } finally {
    await kube.delete(Namespaces, target)
  }
})
