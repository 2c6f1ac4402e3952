import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownCluster } from '../support/cluster.ts'
import { ConfigMaps } from '../support/objects.ts'
import { takeBaseline } from './normalize.ts'
import { comparableList, comparableResults, furnishAsRecorded, recordedRestore } from './recorded-restore.ts'
import { differences } from './recorded-state.ts'
import { artifactsOf, endWithNode, restoreAgain, storeOfBackups } from './restored-again.ts'
import { settledState } from './settled-state.ts'

/** Restores that Velero made of its own backups into an emptied cluster. */
const scenarios = [
  'a02-whole-cluster',
  'a03-one-namespace',
  'a04-resources',
  'a05-selector',
  'a06-icr-true',
  'a07-mapping',
  'a09-schedule',
  'a10-ordered',
  'a13-status',
  'a14-restore-filters',
]

for (const scenario of scenarios) {
  test(`the backup of ${scenario}, made by Velero, restores as Velero restored it`, { timeout: 120_000 }, async () => {
    const recorded = await recordedRestore(scenario)
    await using backups = await storeOfBackups(recorded)
    await using cluster = await ownCluster()
    await furnishAsRecorded(cluster.kube)
    const baseline = await takeBaseline(cluster.kube)
    const { store } = backups
    const done = await restoreAgain(recorded.restore, { kube: cluster.kube, store })

    const keepStatusOf = recorded.restore.spec.restoreStatus?.includedResources ?? []
    assert.deepEqual(differences(recorded.state, await settledState(cluster.kube, baseline, { keepStatusOf })), [])
    const { results, resourceList } = await artifactsOf(done, store)
    assert.deepEqual(comparableResults(results.errors), comparableResults(recorded.results.errors))
    assert.deepEqual(comparableResults(results.warnings), comparableResults(recorded.results.warnings))
    assert.deepEqual(comparableList(resourceList), comparableList(recorded.resourceList))
    const { phase, errors, hookStatus } = recorded.restore.status ?? {}
    assert.deepEqual(endWithNode(done, results), { phase, hookStatus, ...(errors === undefined ? {} : { errors }) })
    assert.deepEqual(done.status?.progress, recorded.restore.status?.progress)
  })
}

test('restoring where everything is there finds the differences that Velero found', { timeout: 120_000 }, async () => {
  const recorded = await recordedRestore('a11-existing')
  await using backups = await storeOfBackups(recorded)
  await using cluster = await ownCluster()
  await furnishAsRecorded(cluster.kube)
  const { store } = backups
  await restoreAgain(recorded.restore, { kube: cluster.kube, store, name: 'first' })
  await settledState(cluster.kube, {})
  const done = await restoreAgain(recorded.restore, { kube: cluster.kube, store })
  const { results, resourceList } = await artifactsOf(done, store)
  // Controllers keep Endpoints to the pods that run, and without a kubelet none does.
  const exceptEndpoints = (lines: string[]) => lines.filter((line) => !/\bEndpoint(s|Slice)\b/.test(line))
  const ours = [results.errors, results.warnings].map((set) => exceptEndpoints(comparableResults(set)))
  const theirs = [recorded.results.errors, recorded.results.warnings].map((set) => comparableResults(set))
  assert.deepEqual(ours, theirs)
  assert.deepEqual(
    exceptEndpoints(comparableList(resourceList)),
    exceptEndpoints(comparableList(recorded.resourceList)),
  )
})

test('a backup with a name of 253 characters, which Velero cannot restore, is restored whole', async () => {
  const recorded = await recordedRestore('a16-name-253')
  await using backups = await storeOfBackups(recorded)
  await using cluster = await ownCluster()
  const done = await restoreAgain(recorded.restore, { kube: cluster.kube, store: backups.store })
  assert.equal(recorded.restore.status?.phase, 'PartiallyFailed')
  assert.equal(done.status?.phase, 'Completed')
  const { items } = await cluster.kube.list(ConfigMaps, { namespace: 'deepname' })
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name.length).toSorted((a, b) => b - a),
    [253, 16, 5],
  )
})
