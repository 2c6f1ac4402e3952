import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ServedType } from '#kube/object.ts'
import type { RestoreFilters, RestoreScope } from './restore-scope.ts'
import {
  compileRestoreScope,
  restoreSelects,
  restoreSkipReason,
  restoresStatus,
  targetNamespace,
} from './restore-scope.ts'

const statefulSets: ServedType = {
  group: 'apps',
  version: 'v1',
  plural: 'statefulsets',
  kind: 'StatefulSet',
  namespaced: true,
  singular: 'statefulset',
  shortNames: ['sts'],
  verbs: [],
  preferred: true,
}

const scopeOf = (filters: RestoreFilters): RestoreScope =>
  compileRestoreScope(filters, { served: [statefulSets], archived: ['pods', 'trees.orchard.test'] })
const inShop = (resource: string): { resource: string; namespace: string } => ({ resource, namespace: 'shop' })
const ofCluster = (resource: string): { resource: string; namespace: undefined } => ({ resource, namespace: undefined })

test('without filters all is restored but what never is', () => {
  const scope = scopeOf({})
  assert.equal(restoreSkipReason(inShop('pods'), scope), undefined)
  assert.equal(restoreSkipReason(ofCluster('storageclasses.storage.k8s.io'), scope), undefined)
  assert.equal(restoreSkipReason(ofCluster('nodes'), scope), 'never-restored')
  assert.equal(restoreSkipReason(inShop('backups.velero.io'), scope, 'related'), 'never-restored')
})

test('names in filters are understood by the target cluster, else by the archive', () => {
  const scope = scopeOf({ excludedResources: ['sts', 'trees'] })
  assert.equal(restoreSkipReason(inShop('statefulsets.apps'), scope), 'type-excluded')
  assert.equal(restoreSkipReason(inShop('trees.orchard.test'), scope), 'type-excluded')
  assert.equal(restoreSkipReason(inShop('pods'), scopeOf({ includedResources: ['nonsense'] })), 'type-not-included')
})

test('a restore of some namespaces leaves the cluster scope out, except for related items', () => {
  const scope = scopeOf({ includedNamespaces: ['sh*'] })
  assert.equal(restoreSkipReason(inShop('pods'), scope), undefined)
  assert.equal(restoreSkipReason({ resource: 'pods', namespace: 'bar' }, scope, 'related'), 'namespace-left-out')
  assert.equal(restoreSkipReason(ofCluster('persistentvolumes'), scope), 'cluster-scope-left-out')
  assert.equal(restoreSkipReason(ofCluster('persistentvolumes'), scope, 'related'), undefined)
})

test('the cluster scope can be ordered or forbidden', () => {
  const scope = scopeOf({ includedNamespaces: ['shop'], includeClusterResources: true })
  assert.equal(restoreSkipReason(ofCluster('persistentvolumes'), scope), undefined)
  const forbidden = scopeOf({ includeClusterResources: false })
  assert.equal(restoreSkipReason(ofCluster('persistentvolumes'), forbidden, 'related'), 'cluster-scope-left-out')
})

test('snapshots and their contents that a claim needs pass all filters but a forbidden cluster scope', () => {
  const contents = 'volumesnapshotcontents.snapshot.storage.k8s.io'
  const snapshot = { resource: 'volumesnapshots.snapshot.storage.k8s.io', namespace: 'x' }
  const scope = scopeOf({
    includedNamespaces: ['x'],
    includedResources: ['pods'],
    labelSelector: { matchLabels: { a: 'b' } },
  })
  assert.equal(restoreSkipReason(ofCluster(contents), scope, 'related'), undefined)
  assert.equal(restoreSkipReason(snapshot, scope, 'related'), undefined)
  // Those of other claims have nothing to do here.
  assert.equal(restoreSkipReason(ofCluster(contents), scope), 'type-not-included')
  assert.equal(restoreSkipReason(snapshot, scope), 'type-not-included')
  assert.equal(
    restoreSkipReason(ofCluster(contents), scopeOf({ includeClusterResources: false }), 'related'),
    'cluster-scope-left-out',
  )
})

test('one selector must hold', () => {
  const scope = scopeOf({ orLabelSelectors: [{ matchLabels: { a: '1' } }, { matchLabels: { b: '2' } }] })
  assert.equal(restoreSelects(scope, 'pods', { b: '2' }), true)
  assert.equal(restoreSelects(scope, 'pods', { b: '1' }), false)
  assert.equal(restoreSelects(scopeOf({}), 'pods', undefined), true)
})

test('a namespace goes where the mapping says', () => {
  assert.equal(targetNamespace('shop', { shop: 'copy' }), 'copy')
  assert.equal(targetNamespace('bar', { shop: 'copy' }), 'bar')
  assert.equal(targetNamespace('constructor', {}), 'constructor')
})

test('status is restored only on request, of all types when none is named', () => {
  assert.equal(restoresStatus(scopeOf({}), 'pods'), false)
  assert.equal(restoresStatus(scopeOf({ restoreStatus: {} }), 'pods'), true)
  const some = scopeOf({ restoreStatus: { includedResources: ['sts', 'pods'], excludedResources: ['pods'] } })
  assert.equal(restoresStatus(some, 'statefulsets.apps'), true)
  assert.equal(restoresStatus(some, 'pods'), false)
})

const names = fc.uniqueArray(fc.constantFrom('shop', 'bar', 's*'), { maxLength: 2 })
const resources = fc.uniqueArray(fc.constantFrom('pods', 'sts', 'secrets'), { maxLength: 2 })
const filters = fc.record<RestoreFilters>({
  includedNamespaces: names,
  excludedNamespaces: names,
  includedResources: resources,
  excludedResources: resources,
  includeClusterResources: fc.constantFrom(null, true, false),
})
const objects = fc.record({
  resource: fc.constantFrom('pods', 'secrets', 'statefulsets.apps'),
  namespace: fc.constantFrom('shop', 'bar', undefined),
})

test('nothing of an excluded namespace or type comes back, and related items meet no more rules than others', () => {
  fc.assert(
    fc.property(filters, objects, (given, object) => {
      const { namespace, resource } = object
      const withoutType = scopeOf({ ...given, excludedResources: [resource] })
      assert.notEqual(restoreSkipReason(object, withoutType, 'related'), undefined)
      if (namespace !== undefined) {
        const withoutNamespace = scopeOf({ ...given, excludedNamespaces: [namespace] })
        assert.notEqual(restoreSkipReason(object, withoutNamespace, 'related'), undefined)
      }
      const listed = restoreSkipReason(object, scopeOf(given))
      if (listed === undefined) assert.equal(restoreSkipReason(object, scopeOf(given), 'related'), undefined)
    }),
  )
})
