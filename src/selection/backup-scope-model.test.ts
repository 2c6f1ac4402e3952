import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Item, KubeObject, ServedType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import type { BackupFilters } from './backup-filters.ts'
import type { BackupScope, Origin } from './backup-scope.ts'
import { compileBackupScope, skipReason, takesType } from './backup-scope.ts'
import type { IncludeExcludePolicy } from './resource-policies.ts'

// The rules of spec/backup §3 a second time, from the text and without globs or name resolution: what a word means is in tables.

function served(name: string, namespaced: boolean, more: Partial<ServedType> = {}): ServedType {
  const [plural = '', ...group] = name.split('.')
  const verbs = ['create', 'delete', 'get', 'list']
  const names = { plural, group: group.join('.'), kind: plural.slice(0, -1), singular: '', shortNames: [] }
  return { ...names, version: 'v1', namespaced, verbs, preferred: true, ...more }
}

const types = [
  served('pods', true, { shortNames: ['po'] }),
  served('configmaps', true),
  served('deployments.apps', true),
  served('namespaces', false),
  served('persistentvolumes', false, { shortNames: ['pv'] }),
  served('storageclasses.storage.k8s.io', false),
]
const allTypes = types.map(resourceName)
const allNamespaces = ['db1', 'shop', 'shop-tmp']

const typesOf: Record<string, readonly string[]> = {
  '*': allTypes,
  po: ['pods'],
  pods: ['pods'],
  deployments: ['deployments.apps'],
  'config*': ['configmaps'],
  pv: ['persistentvolumes'],
  'storageclasses.storage.k8s.io': ['storageclasses.storage.k8s.io'],
  nonsense: [],
}
const namespacesOf: Record<string, readonly string[]> = {
  '*': allNamespaces,
  shop: ['shop'],
  'shop*': ['shop', 'shop-tmp'],
  '[d]b?': ['db1'],
  '{db1,shop}-tmp': ['shop-tmp'],
  nowhere: [],
  'zzz*': [],
}

const cluster = {
  types,
  namespaces: allNamespaces.map((name): KubeObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
}

type List = readonly string[] | null | undefined
const means = (table: Record<string, readonly string[]>, list: List): string[] =>
  (list ?? []).flatMap((word) => table[word] ?? [])
const lets = (list: List, meaning: readonly string[], name: string): boolean =>
  (list ?? []).length === 0 || meaning.includes(name)

function modelTakesNamespace(filters: BackupFilters, name: string): boolean {
  const included = lets(filters.includedNamespaces, means(namespacesOf, filters.includedNamespaces), name)
  return included && !means(namespacesOf, filters.excludedNamespaces).includes(name)
}

/** All are included and nothing is excluded; a name that does not exist, in either list, speaks of a part of the cluster. */
function modelEverything(filters: BackupFilters): boolean {
  return (
    allNamespaces.every((name) => modelTakesNamespace(filters, name)) &&
    ![...(filters.includedNamespaces ?? []), ...(filters.excludedNamespaces ?? [])].includes('nowhere')
  )
}

function modelTakesOld(filters: BackupFilters, type: ServedType, origin: Origin): boolean {
  const name = resourceName(type)
  const scope = filters.includeClusterResources ?? undefined
  const included = lets(filters.includedResources, means(typesOf, filters.includedResources), name)
  const excluded = means(typesOf, filters.excludedResources).includes(name)
  if (excluded || !included) return origin === 'related' && !type.namespaced && scope === true && !excluded
  if (type.namespaced || origin === 'related') return type.namespaced || scope !== false
  if (scope !== undefined) return scope
  return name === 'namespaces' || modelEverything(filters)
}

function modelTakesScoped(filters: BackupFilters, type: ServedType, origin: Origin): boolean {
  const name = resourceName(type)
  if (type.namespaced) {
    const included = lets(
      filters.includedNamespaceScopedResources,
      means(typesOf, filters.includedNamespaceScopedResources),
      name,
    )
    return included && !means(typesOf, filters.excludedNamespaceScopedResources).includes(name)
  }
  if (means(typesOf, filters.excludedClusterScopedResources).includes(name)) return false
  if (origin === 'related' || name === 'namespaces') return true
  return means(typesOf, filters.includedClusterScopedResources).includes(name)
}

const words = (table: Record<string, readonly string[]>): fc.Arbitrary<string[]> =>
  fc.uniqueArray(fc.constantFrom(...Object.keys(table)), { maxLength: 2 })
const aList = fc.option(words(typesOf), { nil: undefined })
const namespaceFilters = {
  includedNamespaces: fc.option(words(namespacesOf), { nil: undefined }),
  excludedNamespaces: words(namespacesOf),
}
const oldFilters = fc
  .record<BackupFilters>({
    ...namespaceFilters,
    includedResources: aList,
    excludedResources: aList,
    includeClusterResources: fc.constantFrom(null, true, false),
  })
  .filter((one) => ![one.includedResources, one.excludedResources].every((list) => (list ?? []).length === 0))
const scopedFilters = fc.record<BackupFilters>({
  ...namespaceFilters,
  includedNamespaceScopedResources: aList,
  excludedNamespaceScopedResources: aList,
  includedClusterScopedResources: aList,
  excludedClusterScopedResources: aList,
})
const anyItem = fc
  .tuple(fc.constantFrom(...types), fc.constantFrom(...allNamespaces))
  .map(([type, namespace]) => itemOf(type, type.namespaced ? namespace : undefined))
const anyOrigin = fc.constantFrom<Origin>('listed', 'related')

function itemOf(type: ServedType, namespace: string | undefined): Item {
  return {
    type,
    namespace,
    name: 'x',
    object: { apiVersion: 'v1', kind: type.kind, metadata: { name: 'x', namespace } },
  }
}

function agrees(filters: BackupFilters, item: Item, { origin, ofType }: { origin: Origin; ofType: boolean }): void {
  const expected = ofType && (item.namespace === undefined || modelTakesNamespace(filters, item.namespace))
  const reason = skipReason(item, compileBackupScope(filters, cluster), origin)
  assert.equal(reason === undefined, expected, `${origin} ${resourceName(item.type)} ${item.namespace}: ${reason}`)
}

test('old filters decide as the rules say', () => {
  fc.assert(
    fc.property(oldFilters, anyItem, anyOrigin, (filters, item, origin) => {
      const type = item.type as ServedType
      agrees(filters, item, { origin, ofType: modelTakesOld(filters, type, origin) })
    }),
    { numRuns: 1000 },
  )
})

test('scoped filters decide as the rules say', () => {
  fc.assert(
    fc.property(scopedFilters, anyItem, anyOrigin, (filters, item, origin) => {
      const type = item.type as ServedType
      agrees(filters, item, { origin, ofType: modelTakesScoped(filters, type, origin) })
    }),
    { numRuns: 1000 },
  )
})

test('the same lists of namespaced types mean the same in either style', () => {
  const list = fc.uniqueArray(fc.constantFrom('po', 'deployments', 'config*', 'nonsense'), { maxLength: 3 })
  fc.assert(
    fc.property(list, list, (included, excluded) => {
      const old = compileBackupScope({ includedResources: included, excludedResources: excluded }, cluster)
      const scoped = compileBackupScope(
        { includedNamespaceScopedResources: included, excludedNamespaceScopedResources: excluded },
        cluster,
      )
      for (const type of types.filter(({ namespaced }) => namespaced)) {
        assert.deepEqual(takesType(old, type), takesType(scoped, type))
      }
    }),
  )
})

test('one more name in an include list never takes an item away', () => {
  const keys = [
    'includedNamespaces',
    'includedResources',
    'includedNamespaceScopedResources',
    'includedClusterScopedResources',
  ] as const
  fc.assert(
    fc.property(
      fc.oneof(oldFilters, scopedFilters),
      fc.constantFrom(...keys),
      fc.constantFrom('pods', 'pv', 'shop', 'shop*'),
      anyItem,
      anyOrigin,
      (filters, key, more, item, origin) => {
        const list = filters[key] ?? []
        // An empty list includes everything already, and what is in it would narrow it; `*` stands alone, or validation refuses the list.
        if (list.length === 0 || list.includes('*')) return
        // A name that no namespace has makes a list of all namespaces one of some, which leaves cluster scope out.
        if (key === 'includedNamespaces' && (more === 'pods' || more === 'pv')) return
        const before = skipReason(item, compileBackupScope(filters, cluster), origin)
        const after = skipReason(item, compileBackupScope({ ...filters, [key]: [...list, more] }, cluster), origin)
        if (before === undefined) assert.equal(after, undefined)
      },
    ),
    { numRuns: 500 },
  )
})

const policyLists = fc.uniqueArray(fc.constantFrom('po', 'deployments', 'config*', 'pv', 'nonsense'), { maxLength: 2 })
const anyPolicy: fc.Arbitrary<IncludeExcludePolicy> = fc.record({
  includedClusterScopedResources: policyLists,
  excludedClusterScopedResources: policyLists,
  includedNamespaceScopedResources: policyLists,
  excludedNamespaceScopedResources: policyLists,
})

test('what the spec names, a policy does not change', () => {
  fc.assert(
    fc.property(scopedFilters, anyPolicy, fc.constantFrom(...types), (filters, policy, type) => {
      const name = resourceName(type)
      const lists = type.namespaced
        ? [filters.includedNamespaceScopedResources, filters.excludedNamespaceScopedResources]
        : [filters.includedClusterScopedResources, filters.excludedClusterScopedResources]
      if (!lists.some((list) => means(typesOf, list).includes(name))) return
      const alone = takesType(compileBackupScope(filters, cluster), type)
      assert.deepEqual(takesType(compileBackupScope(filters, cluster, { policy }), type), alone)
    }),
    { numRuns: 500 },
  )
})

const nothing: IncludeExcludePolicy = {
  includedClusterScopedResources: [],
  excludedClusterScopedResources: [],
  includedNamespaceScopedResources: [],
  excludedNamespaceScopedResources: [],
}
const listed = (filters: BackupFilters, policy: Partial<IncludeExcludePolicy>): string[] =>
  compileBackupScope(filters, cluster, { policy: { ...nothing, ...policy } }).types.map(resourceName)

test('a policy adds to scoped filters: an include to an empty list makes it the only one, an exclude comes first', () => {
  assert.deepEqual(listed({}, { includedNamespaceScopedResources: ['po'] }), ['pods', 'namespaces'])
  assert.deepEqual(listed({}, { includedClusterScopedResources: ['pv'], includedNamespaceScopedResources: ['pods'] }), [
    'pods',
    'persistentvolumes',
    'namespaces',
  ])
  const both = { includedNamespaceScopedResources: ['pods', 'deployments'], excludedNamespaceScopedResources: ['po'] }
  assert.deepEqual(listed({}, both), ['namespaces', 'deployments.apps'])
  assert.deepEqual(listed({ includedNamespaceScopedResources: ['*'] }, both), [
    'pods',
    'configmaps',
    'namespaces',
    'deployments.apps',
  ])
})

test('a policy’s include of what the spec excludes does not narrow the rest', () => {
  const filters = { excludedNamespaceScopedResources: ['pods'] }
  const policy = { includedNamespaceScopedResources: ['pods'] }
  assert.deepEqual(listed(filters, policy), ['configmaps', 'namespaces', 'deployments.apps'])
})

test('a policy has no say in old filters', () => {
  const filters = { includedResources: ['pods'] }
  assert.deepEqual(listed(filters, { excludedNamespaceScopedResources: ['pods'] }), ['pods'])
})

test('with every version asked for, all versions of a type are listed, but still only one of two groups', () => {
  const more = [
    ...types,
    served('trees.orchard.test', true, { version: 'v2' }),
    served('trees.orchard.test', true, { version: 'v1beta1', preferred: false }),
    served('networkpolicies.extensions', true, { version: 'v1beta1' }),
    served('networkpolicies.networking.k8s.io', true),
    served('networkpolicies.networking.k8s.io', true, { version: 'v2alpha1', preferred: false }),
    served('reviews.auth.test', true, { verbs: ['create'] }),
  ]
  const versions = (everyVersion: boolean): string[] => {
    const scope: BackupScope = compileBackupScope({}, { ...cluster, types: more }, { everyVersion })
    return scope.types
      .filter(({ group }) => group.includes('.') || group === 'extensions')
      .map((type) => `${resourceName(type)}/${type.version}`)
  }
  assert.deepEqual(versions(false), ['trees.orchard.test/v2', 'networkpolicies.networking.k8s.io/v1'])
  assert.deepEqual(versions(true), [
    'trees.orchard.test/v2',
    'trees.orchard.test/v1beta1',
    'networkpolicies.networking.k8s.io/v1',
    'networkpolicies.networking.k8s.io/v2alpha1',
  ])
})
