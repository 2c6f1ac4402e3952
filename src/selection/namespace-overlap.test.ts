import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { namespacesOf, overlaps } from './namespace-overlap.ts'

const existing = ['shop', 'shop-tmp', 'db1', 'db2']

function of(included: string[], excluded: string[] = []): string[] {
  return [...namespacesOf({ includedNamespaces: included, excludedNamespaces: excluded }, existing)].toSorted()
}

test('a backup works on what it includes and does not exclude, patterns expanded', () => {
  assert.deepEqual(of([]), existing.toSorted())
  assert.deepEqual(of(['*'], ['db?']), ['shop', 'shop-tmp'])
  assert.deepEqual(of(['{shop,db1}', 'later'], ['*1']), ['later', 'shop'])
})

test('a backup with a wrong pattern works on nothing, so nobody waits for it', () => {
  for (const wrong of ['a**', 'a|b', '[', 'Upper']) {
    assert.deepEqual(of([wrong, 'shop']), [])
    assert.deepEqual(of(['shop'], [wrong]), [])
  }
})

test('two backups get in each other’s way when they have a namespace in common', () => {
  const names = fc.uniqueArray(fc.constantFrom('*', 'shop', 'shop*', 'db1', 'db?', 'new'), { maxLength: 3 })
  fc.assert(
    fc.property(names, names, names, (one, other, excluded) => {
      const [a, b] = [of(one, excluded), of(other)]
      const common = a.some((name) => b.includes(name))
      assert.equal(overlaps(new Set(a), new Set(b)), common)
      assert.equal(overlaps(new Set(b), new Set(a)), common)
    }),
  )
})
