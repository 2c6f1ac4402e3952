import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Item, KubeObject, ServedType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import type { BackupFilters } from './backup-filters.ts'
import type { BackupScope } from './backup-scope.ts'
import { compileBackupScope, namespaceSkipReason, skipReason, takesCrdsOfItems, takesType } from './backup-scope.ts'

function served(name: string, kind: string, namespaced: boolean, more: Partial<ServedType> = {}): ServedType {
  const [plural = '', ...group] = name.split('.')
  const verbs = ['create', 'delete', 'get', 'list', 'watch']
  const names = { plural, group: group.join('.'), kind, singular: kind.toLowerCase(), shortNames: [] }
  return { ...names, version: 'v1', namespaced, verbs, preferred: true, ...more }
}

const configMaps = served('configmaps', 'ConfigMap', true, { shortNames: ['cm'] })
const pods = served('pods', 'Pod', true)
const deployments = served('deployments.apps', 'Deployment', true)
const volumes = served('persistentvolumes', 'PersistentVolume', false)
const classes = served('storageclasses.storage.k8s.io', 'StorageClass', false)
const namespaces = served('namespaces', 'Namespace', false)
const crds = served('customresourcedefinitions.apiextensions.k8s.io', 'CustomResourceDefinition', false)
const types = [configMaps, namespaces, volumes, pods, deployments, classes, crds]

function object(name: string, namespace?: string, metadata: Partial<KubeObject['metadata']> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Any', metadata: { name, namespace, ...metadata } }
}

function item(type: ServedType, namespace?: string, metadata: Partial<KubeObject['metadata']> = {}): Item {
  return { type, namespace, name: 'x', object: object('x', namespace, metadata) }
}

const cluster = {
  types,
  namespaces: [
    object('shop'),
    object('shop-tmp'),
    object('db1'),
    { ...object('gone'), status: { phase: 'Terminating' } },
  ],
}

const scopeOf = (filters: BackupFilters): BackupScope => compileBackupScope(filters, cluster)
const taken = (scope: BackupScope): string[] => scope.types.map(resourceName)

test('without filters the namespaced types and namespaces are listed, and other cluster-scoped types are not', () => {
  const scope = scopeOf({})
  assert.deepEqual(taken(scope), ['pods', 'configmaps', 'namespaces', 'deployments.apps'])
  assert.equal(scope.everyNamespace, true)
  assert.deepEqual(takesType(scope, classes), { take: false, reason: 'type-not-included' })
})

test('a volume may still come as a related item, unless it is excluded', () => {
  assert.equal(skipReason(item(volumes), scopeOf({}), 'related'), undefined)
  assert.equal(skipReason(item(volumes), scopeOf({}), 'listed'), 'type-not-included')
  assert.equal(
    skipReason(item(volumes), scopeOf({ excludedResources: ['pv', 'persistentvolumes'] }), 'related'),
    'type-excluded',
  )
  assert.equal(
    skipReason(item(volumes), scopeOf({ includeClusterResources: false }), 'related'),
    'cluster-scope-left-out',
  )
})

test('cluster-scoped types come when they are asked for', () => {
  const all = taken(scopeOf({ includeClusterResources: true, includedNamespaces: ['shop'] }))
  assert.ok(all.includes('storageclasses.storage.k8s.io') && all.includes('persistentvolumes'))
  const one = taken(scopeOf({ includedClusterScopedResources: ['storageclass'] }))
  assert.deepEqual(one, ['pods', 'configmaps', 'namespaces', 'deployments.apps', 'storageclasses.storage.k8s.io'])
})

test('old filters over a part of the cluster leave its cluster scope out', () => {
  const scope = scopeOf({ includedNamespaces: ['shop'], excludedResources: ['cm'] })
  assert.deepEqual(taken(scope), ['pods', 'namespaces', 'deployments.apps'])
  assert.deepEqual(takesType(scope, configMaps), { take: false, reason: 'type-excluded' })
  assert.deepEqual(takesType(scope, classes), { take: false, reason: 'cluster-scope-left-out' })
})

test('an unknown name in an include list selects nothing rather than everything', () => {
  assert.deepEqual(taken(scopeOf({ includedResources: ['nonsense'] })), [])
})

test('objects served under two groups are listed once, under the group that is included', () => {
  const both = [...types, served('events', 'Event', true), served('events.events.k8s.io', 'Event', true)]
  const names = (filters: BackupFilters): string[] => taken(compileBackupScope(filters, { ...cluster, types: both }))
  assert.ok(names({}).includes('events') && !names({}).includes('events.events.k8s.io'))
  assert.deepEqual(names({ includedResources: ['events.events.k8s.io'] }), ['events.events.k8s.io'])
})

test('types that cannot be listed or made again, and versions nobody prefers, are left out', () => {
  const odd = [
    served('reviews.auth.test', 'Review', true, { verbs: ['create'] }),
    served('pods/log', 'Pod', true),
    served('deployments.apps', 'Deployment', true, { version: 'v1beta1', preferred: false }),
  ]
  const scope = compileBackupScope({}, { ...cluster, types: [...types, ...odd] })
  assert.deepEqual(
    odd.map((type) => takesType(scope, type)),
    [
      { take: false, reason: 'cannot-be-backed-up' },
      { take: false, reason: 'cannot-be-backed-up' },
      { take: false, reason: 'not-preferred' },
    ],
  )
  assert.deepEqual(takesType(scope, served('ghosts.test', 'Ghost', true)), { take: false, reason: 'not-served' })
})

test('namespace patterns are expanded, and a name that does not exist is reported', () => {
  const scope = scopeOf({ includedNamespaces: ['shop*', 'db?', 'nowhere'], excludedNamespaces: ['*-tmp'] })
  assert.deepEqual(scope.namespaces, ['db1', 'shop'])
  assert.deepEqual(scope.missingNamespaces, ['nowhere'])
  assert.equal(scope.everyNamespace, false)
})

test('a pattern that fits nothing selects nothing', () => {
  assert.deepEqual(scopeOf({ includedNamespaces: ['zzz*'] }).namespaces, [])
})

test('an excluded pattern that fits nothing leaves the backup whole, an excluded name does not', () => {
  assert.equal(scopeOf({ excludedNamespaces: ['zzz*'] }).everyNamespace, true)
  assert.equal(scopeOf({ excludedNamespaces: ['zzz'] }).everyNamespace, false)
})

const hidden = { labels: { 'velero.io/exclude-from-backup': 'true' } }

test('what is labelled out or being deleted stays out, however it came', () => {
  for (const origin of ['listed', 'related'] as const) {
    assert.equal(skipReason(item(pods, 'shop', hidden), scopeOf({}), origin), 'labelled-out')
    assert.equal(skipReason(item(pods, 'shop', { deletionTimestamp: 'now' }), scopeOf({}), origin), 'being-deleted')
  }
  const almost = { labels: { 'velero.io/exclude-from-backup': 'True' } }
  assert.equal(skipReason(item(pods, 'shop', almost), scopeOf({})), undefined)
})

test('what an action demands goes in whatever the filters say, unless it is being deleted', () => {
  const scope = scopeOf({ includedNamespaces: ['db1'], includedResources: ['cm'], includeClusterResources: false })
  for (const one of [item(pods, 'shop', hidden), item(volumes), item(configMaps, 'shop-tmp')]) {
    assert.equal(skipReason(one, scope, 'demanded'), undefined)
    assert.notEqual(skipReason(one, scope, 'related'), undefined)
  }
  const leaving = item(pods, 'shop', { ...hidden, deletionTimestamp: 'now' })
  assert.equal(skipReason(leaving, scope, 'demanded'), 'being-deleted')
})

test('a namespace that is labelled out takes its items with it', () => {
  const scope = compileBackupScope({}, { types, namespaces: [object('shop'), object('secret', undefined, hidden)] })
  assert.equal(scope.everyNamespace, false)
  assert.equal(skipReason(item(pods, 'secret'), scope), 'namespace-left-out')
})

test('selectors are alternatives and do not bind related items', () => {
  const scope = scopeOf({ orLabelSelectors: [{ matchLabels: { a: '1' } }, { matchLabels: { b: '2' } }] })
  assert.equal(skipReason(item(pods, 'shop', { labels: { b: '2' } }), scope), undefined)
  assert.equal(skipReason(item(pods, 'shop', { labels: { b: '3' } }), scope), 'selector-mismatch')
  assert.equal(skipReason(item(pods, 'shop'), scope, 'related'), undefined)
})

test('with a selector a namespace comes for its own labels or for its items', () => {
  const scope = scopeOf({ labelSelector: { matchLabels: { app: 'web' } } })
  const labelled = object('shop', undefined, { labels: { app: 'web' } })
  assert.equal(namespaceSkipReason(labelled, scope, false), undefined)
  assert.equal(namespaceSkipReason(object('shop'), scope, true), undefined)
  assert.equal(namespaceSkipReason(object('shop'), scope, false), 'namespace-without-selected-items')
})

test('namespaces asked for by name come even when the selector finds nothing in them; others never', () => {
  const scope = scopeOf({ includedNamespaces: ['shop'], labelSelector: { matchLabels: { app: 'web' } } })
  assert.equal(namespaceSkipReason(object('shop'), scope, false), undefined)
  const labelled = object('db1', undefined, { labels: { app: 'web' } })
  assert.equal(namespaceSkipReason(labelled, scope, false), 'namespace-left-out')
})

test('a namespace on its way out is not taken, nor any when old filters leave the type out', () => {
  const leaving = { ...object('gone'), status: { phase: 'Terminating' } }
  assert.equal(namespaceSkipReason(leaving, scopeOf({}), true), 'namespace-not-active')
  assert.equal(namespaceSkipReason(object('shop'), scopeOf({ includedResources: ['pods'] }), true), 'type-not-included')
})

test('definitions of what was taken are fetched unless they are listed anyway or excluded', () => {
  assert.equal(takesCrdsOfItems(scopeOf({})), true)
  assert.equal(takesCrdsOfItems(scopeOf({ includedNamespaces: ['shop'] })), true)
  assert.equal(takesCrdsOfItems(scopeOf({ includeClusterResources: true })), false)
  assert.equal(takesCrdsOfItems(scopeOf({ includeClusterResources: false })), false)
  assert.equal(takesCrdsOfItems(scopeOf({ excludedClusterScopedResources: ['crd', resourceName(crds)] })), false)
})

const someNames = fc.uniqueArray(fc.constantFrom('shop', 'db1', 'shop*', '*-tmp', '[d]b?'), { maxLength: 3 })
const someTypes = fc.uniqueArray(fc.constantFrom('pods', 'cm', 'deployments.apps', 'storageclasses', '*'), {
  maxLength: 2,
})
const filtersOf = (style: 'old' | 'scoped'): fc.Arbitrary<BackupFilters> =>
  fc.record<BackupFilters>({
    includedNamespaces: someNames,
    excludedNamespaces: someNames,
    ...(style === 'old'
      ? {
          includedResources: someTypes,
          excludedResources: someTypes,
          includeClusterResources: fc.constantFrom(null, true, false),
        }
      : {
          includedNamespaceScopedResources: someTypes,
          excludedNamespaceScopedResources: someTypes,
          includedClusterScopedResources: someTypes,
        }),
  })
const anyFilters = fc.oneof(filtersOf('old'), filtersOf('scoped'))
const origins = fc.constantFrom('listed' as const, 'related' as const)
const anyItem = fc
  .tuple(fc.constantFrom(...types), fc.constantFrom('shop', 'shop-tmp', 'db1'))
  .map(([type, namespace]) => item(type, type.namespaced ? namespace : undefined))

test('nothing of an excluded namespace goes in, whatever else the filters say', () => {
  fc.assert(
    fc.property(anyFilters, anyItem, origins, (filters, of, origin) => {
      if (of.namespace === undefined) return
      const scope = scopeOf({ ...filters, excludedNamespaces: [...(filters.excludedNamespaces ?? []), of.namespace] })
      assert.notEqual(skipReason(of, scope, origin), undefined)
      assert.ok(!scope.namespaces.includes(of.namespace))
    }),
  )
})

test('another exclusion never lets more in', () => {
  fc.assert(
    fc.property(anyFilters, anyItem, origins, fc.constantFrom('shop', 'db*'), (filters, of, origin, more) => {
      const wider = skipReason(of, scopeOf(filters), origin)
      const narrower = scopeOf({ ...filters, excludedNamespaces: [...(filters.excludedNamespaces ?? []), more] })
      if (wider !== undefined) assert.notEqual(skipReason(of, narrower, origin), undefined)
    }),
  )
})

test('what may be listed may be related', () => {
  fc.assert(
    fc.property(anyFilters, anyItem, (filters, of) => {
      const scope = scopeOf(filters)
      if (skipReason(of, scope, 'listed') === undefined) assert.equal(skipReason(of, scope, 'related'), undefined)
    }),
  )
})

test('a type is listed exactly when it is taken', () => {
  fc.assert(
    fc.property(anyFilters, fc.constantFrom(...types), (filters, type) => {
      const scope = scopeOf(filters)
      assert.equal(scope.types.includes(type), takesType(scope, type).take)
    }),
  )
})
