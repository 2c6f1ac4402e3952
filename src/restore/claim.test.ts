import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Backup, BackupSpec } from '#api/backup.ts'
import type { Restore, RestoreSpec } from '#api/restore.ts'
import { compileGlob } from '#selection/globs.ts'
import { claimOverlap, restoreClaim, type RestoreClaim } from './claim.ts'

const apiVersion = 'velero.io/v1'
const restore = (spec: RestoreSpec): Restore => ({ apiVersion, kind: 'Restore', metadata: { name: 'r' }, spec })
const backup = (spec: BackupSpec): Backup => ({ apiVersion, kind: 'Backup', metadata: { name: 'b' }, spec })
const claim = (spec: RestoreSpec, stored: BackupSpec = {}): RestoreClaim => restoreClaim(restore(spec), backup(stored))

const names = ['a', 'b', 'ab', 'c']
const entries = fc.array(fc.constantFrom(...names, 'a*', '?', '*'), { maxLength: 3 })
const filters = fc.record({ includedNamespaces: entries, excludedNamespaces: entries })
const asked = fc.record({
  own: filters,
  stored: filters,
  namespaceMapping: fc.dictionary(fc.constantFrom(...names), fc.constantFrom(...names, 'd'), { maxKeys: 2 }),
})

interface Filters {
  includedNamespaces: string[]
  excludedNamespaces: string[]
}

/** The rule itself, name by name. */
function takes({ includedNamespaces, excludedNamespaces }: Filters, name: string): boolean {
  const among = (list: string[]): boolean => list.some((entry) => compileGlob(entry)(name))
  return (includedNamespaces.length === 0 || among(includedNamespaces)) && !among(excludedNamespaces)
}

test('restores that may write to the same namespace always overlap, and say so both ways', () => {
  fc.assert(
    fc.property(asked, asked, (one, two) => {
      const targets = ({ own, stored, namespaceMapping }: typeof one): Set<string> =>
        new Set(
          names
            .filter((name) => takes(own, name) && takes(stored, name))
            .map((name) => (Object.hasOwn(namespaceMapping, name) ? (namespaceMapping[name] ?? name) : name)),
        )
      const claimOf = ({ own, stored, namespaceMapping }: typeof one): RestoreClaim =>
        claim({ ...own, namespaceMapping, includeClusterResources: false }, stored)
      const [a, b] = [claimOf(one), claimOf(two)]
      for (const target of targets(one)) assert.ok(a.reaches(target), target)
      const overlap = claimOverlap(a, b)
      assert.deepEqual(claimOverlap(b, a), overlap)
      if (!targets(one).isDisjointFrom(targets(two))) assert.ok(overlap !== undefined)
      // Where both are named in full there are no false alarms either.
      if (a.namespaces !== undefined && b.namespaces !== undefined) {
        assert.equal(overlap === undefined, a.namespaces.isDisjointFrom(b.namespaces))
      }
    }),
  )
})

test('what the backup holds narrows a restore of everything, and mapping moves it', () => {
  const shop = claim({ includedNamespaces: ['*'] }, { includedNamespaces: ['shop'] })
  const copy = claim({ namespaceMapping: { shop: 'copy' } }, { includedNamespaces: ['shop'] })
  assert.deepEqual([shop.namespaces, copy.namespaces], [new Set(['shop']), new Set(['copy'])])
  assert.equal(claimOverlap(shop, copy), undefined)
  const onto = claim({ includedNamespaces: ['blog'], namespaceMapping: { blog: 'copy' } })
  assert.deepEqual(claimOverlap(copy, onto), { on: 'namespace', name: 'copy' })
  const all = claim({})
  assert.deepEqual(claimOverlap(all, onto), { on: 'namespace', name: 'copy' })
  assert.deepEqual(claimOverlap(all, all), { on: 'any-namespace' })
})

test('two restores of cluster-scoped objects overlap, unless one of their backups holds none', () => {
  const spec = (name: string): RestoreSpec => ({ includedNamespaces: [name], includeClusterResources: true })
  assert.deepEqual(claimOverlap(claim(spec('a')), claim(spec('b'))), { on: 'cluster-scope' })
  const stored: BackupSpec = { includedNamespaces: ['b'] }
  assert.equal(claimOverlap(claim(spec('a')), claim(spec('b'), stored)), undefined)
  assert.equal(claimOverlap(claim(spec('a')), claim({ ...spec('b'), includeClusterResources: false })), undefined)
  const types: BackupSpec = { includedClusterScopedResources: ['storageclasses'], ...stored }
  assert.deepEqual(claimOverlap(claim(spec('a')), claim(spec('b'), types)), { on: 'cluster-scope' })
})
