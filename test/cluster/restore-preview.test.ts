import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { KubeError } from '#kube/error.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import type { PlannedObject } from '#restore/preview.ts'
import { memoryStore } from '#store/memory.ts'
import { backUp } from '../support/backup-run.ts'
import { ownCluster, testNamespace } from '../support/cluster.ts'
import { customType, define, undefine } from '../support/custom-type.ts'
import {
  Claims,
  ConfigMaps,
  Deployments,
  Namespaces,
  Pods,
  RoleBindings,
  Roles,
  Secrets,
  ServiceAccounts,
  Services,
  make,
} from '../support/objects.ts'
import { assertForeseen, planOf } from './restore-plan.ts'
import { bringBack, eventually, removeNamespace } from './restore-order.ts'

const cluster = await ownCluster()
after(() => cluster[Symbol.asyncDispose]())
const { kube } = cluster

const Policies: ResourceType = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'validatingadmissionpolicies',
  kind: 'ValidatingAdmissionPolicy',
  namespaced: false,
}
const PolicyBindings: ResourceType = {
  ...Policies,
  plural: 'validatingadmissionpolicybindings',
  kind: 'ValidatingAdmissionPolicyBinding',
}

/** Makes the policy by which namespaces labelled `closed` let no ConfigMap called `refused` in. */
async function makePolicy(): Promise<void> {
  const name = 'closed.lifeboat.test'
  const matchConstraints = {
    resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
  }
  const expression =
    'object.metadata.name != "refused" || namespaceObject.metadata.?labels["closed"].orValue("") != "true"'
  const validations = [{ expression, message: 'closed' }]
  await make(kube, Policies, { name, spec: { matchConstraints, validations } })
  await make(kube, PolicyBindings, { name, spec: { policyName: name, validationActions: ['Deny'] } })
}

/** Closes a namespace, and waits until the API server acts on it. */
async function close(namespace: string): Promise<void> {
  await kube.patch(Namespaces, namespace, { merge: { metadata: { labels: { closed: 'true' } } } })
  await eventually(async () => {
    const probe: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'refused' } }
    return await kube.create(ConfigMaps, probe, { namespace, dryRun: true }).then(
      () => false,
      (error: unknown) => error instanceof KubeError && error.problem === 'invalid',
    )
  }, 'the policy is in force')
}

/** Everything that is there, with its version; but for what changes by itself. */
async function everything(): Promise<Map<string, string>> {
  const versions = new Map<string, string>()
  for (const type of (await kube.discover()).types) {
    const resource = resourceName(type)
    if (!type.preferred || !type.verbs.includes('list') || /^(events|leases)\b/.test(resource)) continue
    for await (const { items } of kube.pages(type)) {
      for (const { metadata } of items)
        versions.set(`${resource} ${metadata.namespace ?? ''} ${metadata.name}`, metadata.resourceVersion ?? '')
    }
  }
  return versions
}

/** Waits until the controllers have nothing left to do; gives everything there is then. */
async function settled(): Promise<Map<string, string>> {
  let before = await everything()
  await eventually(async () => {
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    const now = await everything()
    const isCalm = JSON.stringify([...now]) === JSON.stringify([...before])
    before = now
    return isCalm
  }, 'the cluster is calm')
  return before
}

const podSpec = { containers: [{ name: 'web', image: 'shop/web:1' }] }
const web = {
  selector: { matchLabels: { app: 'web' } },
  template: { metadata: { labels: { app: 'web' } }, spec: podSpec },
}

/** Objects of many kinds that will be there, differ, be missing, or not be let in again. */
async function fill(namespace: string, boats: ResourceType): Promise<void> {
  for (const name of ['same', 'drifted', 'lost', 'refused'])
    await make(kube, ConfigMaps, { name, namespace, data: { a: '1' } })
  for (const name of ['fixed', 'open']) await make(kube, Secrets, { name, namespace, data: { a: 'MQ==' } })
  await make(kube, Services, { name: 'web', namespace, spec: { ports: [{ port: 80 }], selector: { app: 'web' } } })
  await make(kube, Services, { name: 'lost', namespace, spec: { ports: [{ port: 80 }] } })
  await make(kube, Deployments, { name: 'drifted', namespace, spec: { replicas: 0, ...web } })
  await make(kube, Deployments, { name: 'lost', namespace, spec: { replicas: 0, ...web } })
  await make(kube, ServiceAccounts, { name: 'till', namespace, imagePullSecrets: [{ name: 'pull' }] })
  await make(kube, ServiceAccounts, { name: 'clerk', namespace })
  await make(kube, Pods, { name: 'kept', namespace, spec: podSpec })
  await make(kube, Pods, { name: 'lost', namespace, spec: { ...podSpec, serviceAccountName: 'clerk' } })
  await make(kube, Claims, {
    name: 'data',
    namespace,
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  })
  await make(kube, Roles, { name: 'reader', namespace, rules: [] })
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' }
  await make(kube, RoleBindings, { name: 'reader', namespace, roleRef })
  await make(kube, boats, { name: 'titanic', namespace, spec: { length: 269 } })
}

async function drift(namespace: string): Promise<void> {
  const at = { namespace }
  await kube.patch(ConfigMaps, 'drifted', { merge: { data: { a: '2' } } }, at)
  for (const name of ['lost', 'refused']) await kube.delete(ConfigMaps, name, at)
  await kube.patch(Secrets, 'fixed', { merge: { immutable: true } }, at)
  await kube.delete(Secrets, 'fixed', at)
  await make(kube, Secrets, { name: 'fixed', namespace, immutable: true, data: { a: 'Mg==' } })
  await kube.patch(Secrets, 'open', { merge: { metadata: { annotations: { by: 'hand' } } } }, at)
  await kube.delete(Services, 'lost', at)
  await kube.patch(Deployments, 'drifted', { merge: { spec: { minReadySeconds: 5 } } }, at)
  await kube.delete(Deployments, 'lost', at)
  await kube.patch(ServiceAccounts, 'till', { json: [{ op: 'remove', path: '/imagePullSecrets' }] }, at)
  await kube.delete(ServiceAccounts, 'clerk', at)
  await kube.delete(Pods, 'lost', { ...at, gracePeriodSeconds: 0 })
  await kube.delete(Roles, 'reader', at)
  await kube.delete(RoleBindings, 'reader', at)
}

function uncheckedOf(objects: readonly PlannedObject[]): Record<string, string> {
  const found = objects.flatMap(({ resource, name, unchecked }) =>
    unchecked === undefined || name === 'kube-root-ca.crt' || name === 'default'
      ? []
      : [[`${resource}/${name}`, unchecked]],
  )
  return Object.fromEntries(found) as Record<string, string>
}

const boats = customType('boats')
await makePolicy()

for (const policy of [undefined, 'none', 'update']) {
  test(`a dry run with policy ${policy ?? 'unset'} says of every object what the run then does, and writes nothing`, async () => {
    await using namespace = await testNamespace(kube)
    await using gone = await testNamespace(kube)
    const store = memoryStore()
    const includedNamespaces = [namespace.name, gone.name]
    await define(kube, boats)
    await make(kube, ConfigMaps, { name: 'lost', namespace: gone.name, data: { a: '1' } })
    await fill(namespace.name, boats)
    await settled()
    await backUp({ kube, store, spec: { includedNamespaces, includeClusterResources: true } })
    await removeNamespace(kube, gone.name)
    await drift(namespace.name)
    await undefine(kube, boats)
    await close(namespace.name)

    const before = await settled()
    const spec = { includedNamespaces, includeClusterResources: true, existingResourcePolicy: policy }
    const { objects, findings } = await planOf({ kube, store, spec })
    assert.deepEqual(await everything(), before)
    assert.deepEqual(findings, [])
    const { resourceList, results } = await bringBack({ kube, store, spec })

    assertForeseen(objects, { resourceList, results })
    assert.deepEqual(
      [...new Set(objects.map(({ action }) => action))].toSorted(),
      // A ServiceAccount gets what it lacks under every policy.
      ['conflict', 'create', 'skip', 'update'],
    )
    assert.deepEqual(uncheckedOf(objects), {
      [`boats.faults.lifeboat.test/titanic`]: 'its type is only to be created',
      'configmaps/lost': `namespace ${gone.name} is only to be created`,
      'pods/lost': `it needs serviceaccounts/${namespace.name}/clerk, which is only to be created`,
    })
    // The next test looks at the whole cluster.
    await undefine(kube, boats)
    await removeNamespace(kube, namespace.name)
    await removeNamespace(kube, gone.name)
  })
}
