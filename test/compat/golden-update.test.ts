import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ResultSet } from '#archive/results.ts'
import type { KubeClient } from '#kube/client.ts'
import { resourceName, type ResourceType } from '#kube/object.ts'
import { ownCluster } from '../support/cluster.ts'
import {
  ConfigMaps,
  Deployments,
  Namespaces,
  NetworkPolicies,
  Pods,
  Secrets,
  ServiceAccounts,
  Services,
  make,
} from '../support/objects.ts'
import { rawApi } from '../support/raw-api.ts'
import { takeBaseline, type ClusterState } from './normalize.ts'
import { comparableList, comparableResults, furnishAsRecorded, recordedRestore } from './recorded-restore.ts'
import { byPath, differences } from './recorded-state.ts'
import { artifactsOf, restoreAgain, storeOfBackups } from './restored-again.ts'
import { settledState } from './settled-state.ts'

const Trees: ResourceType = { group: 'orchard.test', version: 'v1', plural: 'trees', kind: 'Tree', namespaced: true }

/** What Velero calls different for its managedFields alone; for us, who wrote a field is no difference (docs/velero-compatibility.md). */
const differentForVelero = [
  'apps/v1/Deployment harbor/parked',
  'autoscaling/v2/HorizontalPodAutoscaler harbor/storefront',
  'policy/v1/PodDisruptionBudget harbor/storefront',
  'v1/ResourceQuota harbor/caps',
  'v1/ResourceQuota harbor/caps-critical',
]

test('with policy update what drifted becomes what it became in Velero', { timeout: 180_000 }, async () => {
  const recorded = await recordedRestore('a12-update-drift')
  await using backups = await storeOfBackups(recorded)
  const { store } = backups
  await using cluster = await ownCluster()
  const { kube } = cluster
  await furnishAsRecorded(kube)
  const baseline = await takeBaseline(kube)
  // In the recording everything was still there as it had been backed up, on a node that runs pods.
  await restoreAgain(recorded.restore, { kube, store, name: 'first' })
  await settledState(kube, baseline)
  await takeOffLabels(kube, 'first')
  await bindPods(kube, cluster.kubeconfigPath)
  await drift(kube)
  const done = await restoreAgain(recorded.restore, { kube, store })

  const live = byPath(await settledState(kube, baseline))
  const [theirState, ourState] = [comparable(recorded.state, live), comparable(live, live)]
  assert.ok(theirState.size > 60, `${theirState.size} objects`)
  assert.deepEqual(differences(theirState, ourState), [])
  const { results, resourceList } = await artifactsOf(done, store)
  assert.deepEqual(comparableResults(results.errors), [])
  assert.deepEqual(refused(results.warnings), refused(recorded.results.warnings))
  const [theirs, ours] = [comparableList(recorded.resourceList), comparableList(resourceList)].map((lines) =>
    // Controllers keep Endpoints to the pods that run, and without a kubelet none does.
    lines.filter((line) => !/\bEndpoint(s|Slice)\b/.test(line)),
  )
  const notForUs = (line: string): string =>
    differentForVelero.some((object) => line === `${object}(updated)`) ? line.replace('(updated)', '(skipped)') : line
  assert.deepEqual(ours, theirs?.map(notForUs).toSorted())
  assert.equal(done.status?.phase, recorded.restore.status?.phase)
  assert.deepEqual(done.status?.progress, recorded.restore.status?.progress)
})

/** The objects of `state` that are `there` too: the recording also had some that the backup did not hold. Of restored pods only labels are as they were. */
function comparable(state: ClusterState, there: ClusterState): ClusterState {
  const objects = [...state].filter(([path]) => there.has(path) && !/^pods\/harbor\/.*-GENERATED-/.test(path))
  return new Map(
    objects.map(([path, { metadata, ...object }]) => {
      // A restore brings no owners back.
      const { ownerReferences: _, ...own } = metadata
      if (!path.startsWith('pods/')) return [path, { ...object, metadata: own }]
      return [path, { ...object, metadata: { name: metadata.name, labels: metadata.labels }, spec: {} }]
    }),
  )
}

/** Which objects the API server refused to change; its reasons name uids and the state before. */
function refused(warnings: ResultSet): string[] {
  return comparableResults(warnings).map((line) => line.replace(/ is invalid: .*/s, ' is invalid'))
}

/** The commands of the recording (golden/scenarios/a12-update-drift/commands.sh). */
async function drift(kube: KubeClient): Promise<void> {
  const change = (type: ResourceType, name: string, merge: object, namespace = 'harbor'): Promise<unknown> =>
    kube.patch(type, name, { merge }, { namespace })
  await change(ConfigMaps, 'storefront-config', { data: { 'app.ini': 'changed', added: 'x', 'empty-value': null } })
  await change(Deployments, 'parked', { spec: { replicas: 0 } })
  await change(Deployments, 'storefront', { metadata: { labels: { drift: 'yes' } }, spec: { replicas: 3 } })
  await kube.delete(NetworkPolicies, 'default-deny', { namespace: 'harbor' })
  const labels = { app: 'other', new: '1' }
  await change(ServiceAccounts, 'storefront', { metadata: { labels }, imagePullSecrets: [{ name: 'second' }] })
  await change(Secrets, 'empty', { stringData: { not: 'empty' } })
  await change(Trees, 'boskoop', { spec: { height: 99, tags: ['cut'] } }, 'orchard')
  await change(Pods, 'lone', { metadata: { labels: { drift: '1' } } })
  await change(Services, 'kiosk', { spec: { sessionAffinity: 'ClientIP' } })
  await kube.delete(ConfigMaps, 'storefront-assets', { namespace: 'harbor' })
  await make(kube, Namespaces, { name: 'harbor-other' })
}

/** Velero's labels of an earlier restore: the objects of the recording had never been restored. */
async function takeOffLabels(kube: KubeClient, restore: string): Promise<void> {
  const labels = { 'velero.io/restore-name': null, 'velero.io/backup-name': null }
  const { types } = await kube.discover()
  for (const type of types.filter(({ preferred, verbs }) => preferred && verbs.includes('patch'))) {
    if (resourceName(type).endsWith('.velero.io')) continue
    const { items } = await kube.list(type, { labelSelector: `velero.io/restore-name=${restore}` })
    for (const { metadata } of items) {
      await kube.patch(type, metadata.name, { merge: { metadata: { labels } } }, { namespace: metadata.namespace })
    }
  }
}

/** Puts every pod on the node, where it cannot be changed any more. */
async function bindPods(kube: KubeClient, kubeconfigPath: string): Promise<void> {
  const api = await rawApi(kubeconfigPath)
  const { items } = await kube.list(Pods)
  for (const { metadata, ...pod } of items) {
    if ((pod['spec'] as { nodeName?: string }).nodeName !== undefined) continue
    const { name, namespace } = metadata
    const target = { apiVersion: 'v1', kind: 'Node', name: 'node-a' }
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace }, target }
    await api(`/api/v1/namespaces/${namespace}/pods/${name}/binding`, JSON.stringify(binding))
  }
}
