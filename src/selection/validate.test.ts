import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RestoreSpec } from '#api/restore.ts'
import { defaultBackupFilters } from './backup-filters.ts'
import { backupFilterProblems, neverRestored, restoreSpecProblems } from './validate.ts'

const both = { labelSelector: { matchLabels: { a: 'b' } }, orLabelSelectors: [{ matchLabels: { c: 'd' } }] }

test('a backup wrong in every way is told so in Velero’s words and order (golden a15)', () => {
  const problems = backupFilterProblems({
    excludedNamespaces: ['harbor'],
    excludedResources: ['secrets'],
    includedClusterScopedResources: ['persistentvolumes'],
    includedNamespaces: ['harbor', 'a**b', 'x|y', 'Upper'],
    includedResources: ['configmaps', 'secrets'],
    ...both,
  })
  assert.deepEqual(problems, [
    'include-resources, exclude-resources and include-cluster-resources are old filter parameters.\ninclude-cluster-scoped-resources, exclude-cluster-scoped-resources, include-namespace-scoped-resources and exclude-namespace-scoped-resources are new filter parameters.\nThey cannot be used together',
    'Invalid included/excluded resource lists: excludes list cannot contain an item in the includes list: secrets',
    'Invalid included/excluded namespace lists: excludes list cannot contain an item in the includes list: harbor',
    "Invalid included/excluded namespace lists: invalid namespace \"Upper\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    'Invalid included/excluded namespace lists: wildcard pattern contains consecutive asterisks (only single * allowed)',
    'Invalid included/excluded namespace lists: wildcard pattern contains unsupported characters: |, (, ), !, {, }, ,',
    'encountered labelSelector as well as orLabelSelectors in backup spec, only one can be specified',
  ])
})

test('a star stands alone, and not among old excludes', () => {
  assert.deepEqual(backupFilterProblems({ includedResources: ['*', 'pods'], excludedResources: ['*'] }), [
    "Invalid included/excluded resource lists: includes list must either contain '*' only, or a non-empty list of items",
    "Invalid included/excluded resource lists: excludes list cannot contain '*'",
    'Invalid included/excluded resource lists: excludes list cannot contain an item in the includes list: *',
  ])
})

test('a star alone in a scoped exclude list means none, unless something is included', () => {
  assert.deepEqual(backupFilterProblems({ excludedClusterScopedResources: ['*'] }), [])
  assert.equal(
    backupFilterProblems({ excludedClusterScopedResources: ['*'], includedClusterScopedResources: ['a'] }).length,
    1,
  )
  assert.equal(backupFilterProblems({ excludedNamespaceScopedResources: ['*', 'pods'] }).length, 1)
})

test('a selector that no API server takes is refused beforehand', () => {
  const labelSelector = { matchExpressions: [{ key: 'a', operator: 'Is', values: [] }] }
  assert.deepEqual(backupFilterProblems({ labelSelector }), [
    'Invalid label selector: "Is" is not a valid label selector operator',
  ])
})

test('valid filters stay valid when defaults are filled in', () => {
  const list = fc.uniqueArray(fc.constantFrom('pods', 'secrets', 'volumesnapshots.x'), { maxLength: 2 })
  const filters = fc.record({ includedNamespaces: list, includedResources: list, excludedResources: list })
  fc.assert(
    fc.property(filters, (given) => {
      const names = { ...given, includedNamespaces: given.includedNamespaces.map((name) => name.replace('.', '-')) }
      if (backupFilterProblems(names).length > 0) return
      assert.deepEqual(backupFilterProblems(defaultBackupFilters(names, [])), [])
    }),
  )
})

test('a restore wrong in every way is told so in Velero’s words and order (golden a15)', () => {
  const spec: RestoreSpec = {
    backupName: 'a15-invalid',
    excludedResources: ['pods', ...neverRestored],
    existingResourcePolicy: 'Update',
    includedNamespaces: ['harbor', '*'],
    includedResources: ['nodes', 'pods'],
    ...both,
  }
  assert.deepEqual(restoreSpecProblems(spec), [
    'nodes are non-restorable resources',
    'Invalid included/excluded resource lists: excludes list cannot contain an item in the includes list: nodes',
    'Invalid included/excluded resource lists: excludes list cannot contain an item in the includes list: pods',
    "Invalid included/excluded namespace lists: includes list must either contain '*' only, or a non-empty list of items",
    'encountered labelSelector as well as orLabelSelectors in restore spec, only one can be specified',
    'Invalid ExistingResourcePolicy: Update',
  ])
})

test('a restore has one source', () => {
  const source = ['Either a backup or schedule must be specified as a source for the restore, but not both']
  assert.deepEqual(restoreSpecProblems({}), source)
  assert.deepEqual(restoreSpecProblems({ backupName: 'b', scheduleName: 's' }), source)
  for (const existingResourcePolicy of [undefined, null, '', 'none', 'update']) {
    assert.deepEqual(restoreSpecProblems({ backupName: 'b', existingResourcePolicy }), [])
  }
})

test('init containers of hooks need name, image and command', () => {
  const initContainers: object[] = [
    { name: 'ok', image: 'i', command: ['c'] },
    { name: 'half', command: [] },
  ]
  const resources = [
    { name: 'warm-up', postHooks: [{ init: { initContainers: initContainers as Record<string, never>[] } }] },
  ]
  assert.deepEqual(restoreSpecProblems({ backupName: 'b', hooks: { resources } }), [
    'Invalid init container in restore hook warm-up: it has no image',
    'Invalid init container in restore hook warm-up: it has no command',
  ])
})
