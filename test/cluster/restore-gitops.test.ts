import assert from 'node:assert/strict'
import { test } from 'node:test'
import { restoreWishKeys } from '#api/restore-wishes.ts'
import { gitOpsOwnerText } from '#items/gitops.ts'
import { memoryStore } from '#store/memory.ts'
import { backUp } from '../support/backup-run.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, Deployments, Pods, Secrets, make } from '../support/objects.ts'
import { bringBack, eventually } from './restore-order.ts'
import { assertForeseen, planOf } from './restore-plan.ts'

const flux = { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' }

function deployment(name: string, replicas: number): object {
  const template = { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'web', image: 'shop/web:1' }] } }
  return { replicas, selector: { matchLabels: { app: name } }, template }
}

test('what Argo CD and Flux keep is reported with its owner, pods by their workload, and is left to them when asked for', async () => {
  const { kube } = await sharedCluster()
  await using namespaced = await testNamespace(kube)
  const at = { namespace: namespaced.name }
  const store = memoryStore()
  const tracking = { 'argocd.argoproj.io/tracking-id': `store:/ConfigMap:${at.namespace}/by-argo` }
  await make(kube, ConfigMaps, { ...at, name: 'by-argo', metadata: { annotations: tracking } })
  await make(kube, ConfigMaps, { ...at, name: 'by-hand', data: { a: '1' } })
  await make(kube, ConfigMaps, { ...at, name: 'adopted', data: { a: '1' } })
  await make(kube, Deployments, { ...at, name: 'web', metadata: { labels: flux }, spec: deployment('web', 1) })
  await eventually(async () => (await kube.list(Pods, { ...at })).items.length === 1, 'a pod')
  const spec = { includedNamespaces: [at.namespace], existingResourcePolicy: 'update' }
  await backUp({ kube, store, spec: { includedNamespaces: [at.namespace] } })
  for (const name of ['by-argo', 'by-hand']) await kube.delete(ConfigMaps, name, at)
  await kube.delete(Deployments, 'web', { ...at, propagation: 'Background' })
  await eventually(async () => (await kube.list(Pods, { ...at })).items.length === 0, 'no pod')
  // Given to Git after the backup: only the live object says so.
  await kube.patch(ConfigMaps, 'adopted', { merge: { metadata: { labels: flux }, data: { a: '2' } } }, at)

  const { objects } = await planOf({ kube, store, spec })
  const owners = objects.flatMap(({ resource, keptByGit }) =>
    keptByGit === undefined ? [] : [`${resource}: ${gitOpsOwnerText(keptByGit)}`],
  )
  assert.deepEqual(owners.toSorted(), [
    'configmaps: Argo CD Application store',
    'deployments.apps: Flux Kustomization flux-system/apps',
    'pods: Flux Kustomization flux-system/apps',
    'replicasets.apps: Flux Kustomization flux-system/apps',
  ])

  const annotations = { [restoreWishKeys.skipGitOpsManaged]: 'true' }
  const plan = await planOf({ kube, store, spec, annotations })
  const end = await bringBack({ kube, store, spec, annotations })
  assertForeseen(plan.objects, end)
  assert.equal(end.restore.status?.phase, 'Completed')
  assert.deepEqual((await kube.list(Deployments, at)).items, [])
  assert.deepEqual((await kube.list(Pods, at)).items, [])
  const names = (await kube.list(ConfigMaps, at)).items.map(({ metadata }) => metadata.name)
  assert.deepEqual(names.toSorted(), ['adopted', 'by-hand', 'kube-root-ca.crt'])
  assert.deepEqual((await kube.get(ConfigMaps, 'adopted', at))['data'], { a: '2' })
})

test('what Helm needs to go on with a release comes back as it was', async () => {
  const { kube } = await sharedCluster()
  await using namespaced = await testNamespace(kube)
  const at = { namespace: namespaced.name }
  const store = memoryStore()
  const metadata = {
    labels: { 'app.kubernetes.io/managed-by': 'Helm', 'app.kubernetes.io/instance': 'shop' },
    annotations: { 'meta.helm.sh/release-name': 'shop', 'meta.helm.sh/release-namespace': at.namespace },
  }
  const release = { name: 'sh.helm.release.v1.shop.v3', type: 'helm.sh/release.v1', data: { release: 'SDRzSUFB' } }
  const labels = { owner: 'helm', name: 'shop', status: 'deployed', version: '3' }
  await make(kube, ConfigMaps, { ...at, name: 'prices', metadata })
  await make(kube, Secrets, { ...at, ...release, metadata: { labels } })
  const spec = { includedNamespaces: [at.namespace] }
  await backUp({ kube, store, spec })
  await kube.delete(ConfigMaps, 'prices', at)
  await kube.delete(Secrets, release.name, at)

  await bringBack({ kube, store, spec, annotations: { [restoreWishKeys.skipGitOpsManaged]: 'true' } })
  const prices = await kube.get(ConfigMaps, 'prices', at)
  assert.deepEqual(prices.metadata.annotations, metadata.annotations)
  const ours = { 'velero.io/backup-name': 'nightly', 'velero.io/restore-name': 'again' }
  assert.deepEqual(prices.metadata.labels, { ...metadata.labels, ...ours })
  const secret = await kube.get(Secrets, release.name, at)
  assert.deepEqual(
    [secret['type'], secret['data'], secret.metadata.labels],
    [release.type, release.data, { ...labels, ...ours }],
  )
})
