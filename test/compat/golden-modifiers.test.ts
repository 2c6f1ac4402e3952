import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse, stringify } from 'yaml'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { ownCluster } from '../support/cluster.ts'
import { ConfigMaps, Deployments, make } from '../support/objects.ts'
import { takeBaseline } from './normalize.ts'
import { comparableList, comparableResults, furnishAsRecorded, recordedRestore } from './recorded-restore.ts'
import { differences } from './recorded-state.ts'
import { artifactsOf, restoreAgain, storeOfBackups } from './restored-again.ts'
import { settledState } from './settled-state.ts'

const rulesFile = join(import.meta.dirname, 'golden', 'workloads', '60-a08-rules.yaml')

interface Rules {
  resourceModifierRules: unknown[]
}

async function giveRules(kube: KubeClient, change: (rules: Rules) => Rules = (rules) => rules): Promise<void> {
  const rules = change(parse(await readFile(rulesFile, 'utf8')) as Rules)
  await make(kube, ConfigMaps, { name: 'a08-rules', namespace: 'velero', data: { 'rules.yaml': stringify(rules) } })
}

/** Velero pastes values into JSON as they are: a quote in one of the first rule's values voids that rule. */
const voided = /invalid state detected/

test('the rules that Velero could follow change what they changed in Velero', { timeout: 120_000 }, async () => {
  const recorded = await recordedRestore('a08-modifiers')
  await using backups = await storeOfBackups(recorded)
  const { store } = backups
  await using cluster = await ownCluster()
  await furnishAsRecorded(cluster.kube)
  const baseline = await takeBaseline(cluster.kube)
  await giveRules(cluster.kube, (rules) => ({
    ...rules,
    resourceModifierRules: rules.resourceModifierRules.slice(1),
  }))
  const done = await restoreAgain(recorded.restore, { kube: cluster.kube, store })

  assert.deepEqual(differences(recorded.state, await settledState(cluster.kube, baseline)), [])
  const { results, resourceList } = await artifactsOf(done, store)
  const theirErrors = comparableResults(recorded.results.errors)
  assert.equal(theirErrors.filter((line) => voided.test(line)).length, 1)
  assert.deepEqual(
    comparableResults(results.errors),
    theirErrors.filter((line) => !voided.test(line)),
  )
  assert.deepEqual(comparableResults(results.warnings), comparableResults(recorded.results.warnings))
  assert.deepEqual(comparableList(resourceList), comparableList(recorded.resourceList))
  assert.equal(done.status?.phase, recorded.restore.status?.phase)
  assert.deepEqual(done.status?.progress, recorded.restore.status?.progress)
})

test('a rule with a quote in a value, which Velero cannot follow, is followed', { timeout: 120_000 }, async () => {
  const recorded = await recordedRestore('a08-modifiers')
  await using backups = await storeOfBackups(recorded)
  await using cluster = await ownCluster()
  await furnishAsRecorded(cluster.kube)
  await giveRules(cluster.kube)
  const done = await restoreAgain(recorded.restore, { kube: cluster.kube, store: backups.store })

  const { results } = await artifactsOf(done, backups.store)
  const places = comparableResults(results.errors)
  assert.deepEqual(
    places,
    comparableResults(recorded.results.errors).filter((line) => !voided.test(line)),
  )
  const live = (await cluster.kube.get(Deployments, 'storefront', { namespace: 'harbor' })) as KubeObject & {
    spec: { replicas: number; template: { spec: { containers: { env: object[] }[] } } }
  }
  assert.equal(live.spec.replicas, 1)
  assert.equal(live.metadata.annotations?.['tide'], 'high "spring"')
  assert.equal(live.metadata.labels?.['harbor.test/moved'], 'true')
  assert.deepEqual(live.spec.template.spec.containers[0]?.env.at(-1), { name: 'EXTRA', value: '1' })
})
