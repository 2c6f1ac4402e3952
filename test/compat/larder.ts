import type { KubeClient } from '#kube/client.ts'
import type { ResourceType } from '#kube/object.ts'
import { define } from '../support/custom-type.ts'
import {
  ClusterRoleBindings,
  ClusterRoles,
  ConfigMaps,
  Deployments,
  make,
  makeAdmitted,
  Namespaces,
  Pods,
  PriorityClasses,
  Secrets,
  ServiceAccounts,
} from '../support/objects.ts'
import { boundClaim } from '../support/volumes.ts'

export const StorageClasses: ResourceType = {
  group: 'storage.k8s.io',
  version: 'v1',
  plural: 'storageclasses',
  kind: 'StorageClass',
  namespaced: false,
}
export const Jars: ResourceType = {
  group: 'larder.lifeboat.test',
  version: 'v1',
  plural: 'jars',
  kind: 'Jar',
  namespaced: true,
}

const exclude = 'velero.io/exclude-from-backup'
const container = { name: 'main', image: 'registry.example.com/app:1' }

/** Fills a cluster with a little of everything that the rules of selection speak of. It is never cleared: the cluster goes with the test. */
export async function fillLarder(kube: KubeClient): Promise<void> {
  const namespaces = ['pantry', 'quiet', 'app-one', 'app-two-tmp', 'db1', 'db22', 'shelves']
  for (const name of namespaces) await make(kube, Namespaces, { name })
  await make(kube, Namespaces, { name: 'hidden', metadata: { labels: { [exclude]: 'true' } } })
  for (const namespace of [...namespaces.slice(2), 'hidden']) {
    await make(kube, ConfigMaps, { namespace, name: 'note', metadata: { labels: { app: 'web' } } })
  }
  await fillPantry(kube)
  await define(kube, Jars)
  await make(kube, Jars, { namespace: 'shelves', name: 'jam' })
}

async function fillPantry(kube: KubeClient): Promise<void> {
  const namespace = 'pantry'
  const labelled = (name: string, labels: Record<string, string>): Promise<unknown> =>
    make(kube, ConfigMaps, { namespace, name, metadata: { labels } })
  await labelled('left-out', { [exclude]: 'true' })
  await labelled('not-left-out', { [exclude]: 'True' })
  await labelled('both', { app: 'web', team: 'blue' })
  await labelled('one', { team: 'blue' })
  await make(kube, Secrets, { namespace, name: 'login', stringData: { user: 'me' } })
  await make(kube, ServiceAccounts, { namespace, name: 'clerk' })
  await make(kube, ClusterRoles, { name: 'clerk', rules: [] })
  await make(kube, ClusterRoles, { name: 'nobody-has-it', rules: [] })
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'clerk' }
  const subjects = [{ kind: 'ServiceAccount', name: 'clerk', namespace }]
  await make(kube, ClusterRoleBindings, { name: 'clerk', roleRef, subjects })
  await make(kube, StorageClasses, { name: 'slow', provisioner: 'example.com/none' })
  await make(kube, PriorityClasses, { name: 'high', value: 10 })
  for (const name of ['data', 'unused']) await boundClaim(kube, { namespace, name })
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }]
  const spec = {
    containers: [container],
    priorityClassName: 'high',
    volumes,
    schedulingGates: [{ name: 'never/runs' }],
  }
  await makeAdmitted(kube, Pods, { namespace, name: 'web', metadata: { labels: { app: 'web' } }, spec })
  for (const name of ['c', 'a', 'b']) await make(kube, Pods, { namespace, name, spec: { containers: [container] } })
  const template = { metadata: { labels: { app: 'till' } }, spec: { containers: [container] } }
  const deployment = { replicas: 0, selector: { matchLabels: { app: 'till' } }, template }
  await make(kube, Deployments, { namespace, name: 'till', spec: deployment })
  // Being deleted, and held.
  await make(kube, ConfigMaps, { namespace, name: 'leaving', metadata: { finalizers: ['lifeboat.test/hold'] } })
  await kube.delete(ConfigMaps, 'leaving', { namespace })
}
