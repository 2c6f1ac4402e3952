import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { BackupFilters } from './backup-filters.ts'
import { defaultBackupFilters, filterStyle } from './backup-filters.ts'

const snapshots = 'volumesnapshots.snapshot.storage.k8s.io'
const contents = 'volumesnapshotcontents.snapshot.storage.k8s.io'

test('without filters everything is included but snapshots, as in a backup of Velero (golden a02)', () => {
  assert.deepEqual(defaultBackupFilters({}, []), {
    includedNamespaces: ['*'],
    excludedNamespaceScopedResources: [snapshots],
    excludedClusterScopedResources: [contents],
  })
})

test('old filters keep their kind (golden a06)', () => {
  assert.deepEqual(defaultBackupFilters({ includeClusterResources: true, includedNamespaces: ['a'] }, ['hidden']), {
    includeClusterResources: true,
    includedNamespaces: ['a'],
    excludedNamespaces: ['hidden'],
    excludedResources: [snapshots, contents],
  })
})

test('snapshot types leave an include list, but never as the last ones: an empty list would mean everything', () => {
  const both = defaultBackupFilters({ includedResources: ['pods', snapshots] }, [])
  assert.deepEqual(both.includedResources, ['pods'])
  assert.deepEqual(defaultBackupFilters({ includedResources: [snapshots] }, []).includedResources, [snapshots])
})

test('lists of both kinds are a mixture, which is left for validation to refuse', () => {
  const mixed: BackupFilters = { includedResources: ['pods'], includedClusterScopedResources: ['nodes'] }
  assert.equal(filterStyle(mixed), 'mixed')
  assert.deepEqual(defaultBackupFilters(mixed, []), { ...mixed, includedNamespaces: ['*'] })
})

test('null and empty lists say nothing about the kind of the filters', () => {
  assert.equal(filterStyle({ includedResources: null, excludedResources: [], includeClusterResources: null }), 'scoped')
  assert.equal(filterStyle({ includeClusterResources: false }), 'old')
})

const list = fc.option(fc.uniqueArray(fc.constantFrom('pods', 'nodes', snapshots, contents, '*'), { maxLength: 3 }), {
  nil: null,
})

test('defaulting twice is defaulting once', () => {
  const filters = fc.record<BackupFilters>(
    {
      includedNamespaces: list,
      excludedNamespaces: list,
      includedResources: list,
      excludedResources: list,
      includeClusterResources: fc.constantFrom(null, true, false),
      includedNamespaceScopedResources: list,
      excludedClusterScopedResources: list,
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(filters, fc.uniqueArray(fc.constantFrom('a', 'b')), (given, labelledOut) => {
      const once = defaultBackupFilters(given, labelledOut)
      assert.deepEqual(defaultBackupFilters(once, labelledOut), once)
      assert.equal(filterStyle(once), filterStyle(given))
    }),
  )
})
