import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultPriorities, parsePriorities, restoreWaves } from './order.ts'

const crds = 'customresourcedefinitions.apiextensions.k8s.io'
const others = [
  'deployments.apps',
  'statefulsets.apps',
  'daemonsets.apps',
  'jobs.batch',
  'trees.orchard.test',
  'resourcequotas',
  'controllerrevisions.apps',
  'validatingwebhookconfigurations.admissionregistration.k8s.io',
  'networkpolicies.networking.k8s.io',
]
const all = [...defaultPriorities.high, ...others, ...defaultPriorities.low]
const someResources = fc.array(fc.oneof(fc.constantFrom(...all), fc.stringMatching(/^[a-z]{1,4}(\.x)?$/)))

test('the server flag’s list is parted by a single dash', () => {
  for (const [list, high, low] of [
    [['a', 'b', '-', 'c'], ['a', 'b'], ['c']],
    [['a'], ['a'], []],
    [['-', 'a.x-y.z'], [], ['a.x-y.z']],
    [['deployments.apps', '-'], ['deployments.apps'], []],
  ] as const) {
    assert.deepEqual(parsePriorities(list), { priorities: { high, low } })
  }
})

test('a list of priorities that makes no sense is told so', () => {
  for (const [list, problem] of [
    [['a', '-', 'b', '-', 'c'], 'has more than one "-"; a single one parts what comes first from what comes last'],
    [['a', ''], 'has "", which is no type; write for example pods or deployments.apps'],
    [['Pods'], 'has "Pods", which is no type; write for example pods or deployments.apps'],
    [['pods secrets'], 'has "pods secrets", which is no type; write for example pods or deployments.apps'],
    [['pods', '-', 'pods'], 'names pods twice'],
  ] as const) {
    assert.deepEqual(parsePriorities(list), { problem })
  }
})

/** Pairs in which the first must be finished before the second starts, with what breaks otherwise. */
const dependencies: readonly (readonly [string, string, string])[] = [
  [crds, 'trees.orchard.test', 'no such type'],
  ['namespaces', 'secrets', 'no such namespace'],
  ['storageclasses.storage.k8s.io', 'persistentvolumes', 'class of a volume'],
  [
    'volumesnapshotcontents.snapshot.storage.k8s.io',
    'volumesnapshots.snapshot.storage.k8s.io',
    'a snapshot without content',
  ],
  ['volumesnapshots.snapshot.storage.k8s.io', 'persistentvolumeclaims', 'source of a claim'],
  ['persistentvolumes', 'persistentvolumeclaims', 'a new, empty volume'],
  ['persistentvolumeclaims', 'pods', 'claim not found'],
  ['roles.rbac.authorization.k8s.io', 'rolebindings.rbac.authorization.k8s.io', 'role not found'],
  ['serviceaccounts', 'secrets', 'the token controller deletes the secret'],
  ['serviceaccounts', 'pods', 'the pod is refused'],
  ['serviceaccounts', 'rolebindings.rbac.authorization.k8s.io', 'a subject that does not exist'],
  ['limitranges', 'pods', 'limits that the pods had'],
  ['priorityclasses.scheduling.k8s.io', 'pods', 'the pod is refused'],
  ['configmaps', 'pods', 'containers wait'],
  ['networkpolicies.networking.k8s.io', 'pods', 'open for a while'],
  ['pods', 'replicasets.apps', 'adoption'],
  ['pods', 'jobs.batch', 'adoption'],
  ['replicasets.apps', 'deployments.apps', 'adoption'],
  ['controllerrevisions.apps', 'statefulsets.apps', 'adoption'],
  ['controllerrevisions.apps', 'daemonsets.apps', 'adoption'],
  ['endpoints', 'services', 'the controller makes others'],
  ['deployments.apps', 'resourcequotas', 'status unknown for quota'],
  ['trees.orchard.test', 'validatingwebhookconfigurations.admissionregistration.k8s.io', 'the webhook does not answer'],
  ['trees.orchard.test', 'clusterbootstraps.run.tanzu.vmware.com', 'low priority'],
  ['clusterbootstraps.run.tanzu.vmware.com', 'packageinstalls.packaging.carvel.dev', 'low priorities have an order'],
]

test('no wave breaks what depends on an earlier one', () => {
  const waves = restoreWaves(all)
  const waveOf = (resource: string): number => waves.findIndex((wave) => wave.includes(resource))
  for (const [first, second, otherwise] of dependencies) {
    assert.ok(waveOf(first) >= 0 && waveOf(first) < waveOf(second), `${first} before ${second}: ${otherwise}`)
  }
})

test('definitions are alone, and what nobody names goes at once', () => {
  const waves = restoreWaves(['trees.orchard.test', 'deployments.apps', crds, 'jobs.batch'])
  assert.deepEqual(waves, [[crds], ['deployments.apps', 'jobs.batch', 'trees.orchard.test']])
})

test('the user’s own priorities are kept to the letter', () => {
  const waves = restoreWaves(['pods', 'secrets', 'a.x', 'b.x', crds], { high: ['pods', 'secrets'], low: ['a.x'] })
  assert.deepEqual(waves, [[crds], ['pods'], ['secrets'], ['b.x'], ['a.x']])
})

test('every resource is in one wave, and no wave is empty', () => {
  const priorities = fc.option(fc.record({ high: someResources, low: someResources }), { nil: undefined })
  fc.assert(
    fc.property(someResources, priorities, (resources, own) => {
      const waves = restoreWaves(resources, own)
      assert.deepEqual(waves.flat().toSorted(), [...new Set(resources)].toSorted())
      assert.ok(waves.every((wave) => wave.length > 0))
    }),
  )
})
