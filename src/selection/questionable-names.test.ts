import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServedType } from '#kube/object.ts'
import { compileBackupScope } from './backup-scope.ts'
import type { BackupFilters } from './backup-filters.ts'

function served(plural: string, kind: string, namespaced: boolean): ServedType {
  const verbs = ['create', 'delete', 'get', 'list']
  const names = { plural, group: '', kind, singular: kind.toLowerCase(), shortNames: [plural.slice(0, 2)] }
  return { ...names, version: 'v1', namespaced, verbs, preferred: true }
}

const cluster = { types: [served('pods', 'Pod', true), served('nodes', 'Node', false)], namespaces: [] }
const unknown = (filters: BackupFilters): readonly string[] => compileBackupScope(filters, cluster).unknownResources
const misplaced = (filters: BackupFilters): readonly string[] => compileBackupScope(filters, cluster).misplacedResources

test('names to which no type answers are told, as they were written', () => {
  assert.deepEqual(unknown({ includedResources: ['Podz', 'po', 'NODES'], excludedResources: ['ghosts.test'] }), [
    'Podz',
    'ghosts.test',
  ])
  assert.deepEqual(unknown({ includedClusterScopedResources: ['nods'], excludedNamespaceScopedResources: ['x'] }), [
    'nods',
    'x',
  ])
})

test('stars, patterns that fit a type and what defaulting adds are no unknown names', () => {
  assert.deepEqual(unknown({}), [])
  assert.deepEqual(unknown({ includedResources: ['*'] }), [])
  assert.deepEqual(unknown({ includedResources: ['po*', '*.test'] }), ['*.test'])
  assert.deepEqual(unknown({ excludedResources: ['volumesnapshots.snapshot.storage.k8s.io'] }), [])
})

test('a type in the list for the other scope is told, and selects nothing rather than everything', () => {
  const filters = { includedNamespaceScopedResources: ['nodes'], excludedClusterScopedResources: ['po'] }
  assert.deepEqual(misplaced(filters), ['nodes', 'po'])
  assert.deepEqual(compileBackupScope(filters, cluster).types, [])
  assert.deepEqual(misplaced({ includedResources: ['nodes', 'pods'] }), [])
})

test('names of a policy are looked at too', () => {
  const policy = {
    includedClusterScopedResources: ['pods'],
    excludedClusterScopedResources: [],
    includedNamespaceScopedResources: ['gone'],
    excludedNamespaceScopedResources: [],
  }
  const scope = compileBackupScope({}, cluster, { policy })
  assert.deepEqual([scope.unknownResources, scope.misplacedResources], [['gone'], ['pods']])
})
