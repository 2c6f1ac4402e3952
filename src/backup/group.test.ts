import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { grouped } from './group.ts'

const keys = (thing: readonly string[]): readonly string[] => thing

test('what has nothing in common stays apart, in its order', () => {
  assert.deepEqual(grouped([['a'], [], ['b'], []], keys), [[['a']], [[]], [['b']], [[]]])
})

test('what is connected through others is together', () => {
  assert.deepEqual(grouped([['a', 'b'], ['x'], ['c', 'd'], ['b', 'c']], keys), [
    [
      ['a', 'b'],
      ['c', 'd'],
      ['b', 'c'],
    ],
    [['x']],
  ])
})

test('every thing is in exactly one group, and no key is in two', () => {
  const thing = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'), { maxLength: 3 })
  fc.assert(
    fc.property(fc.array(thing, { maxLength: 12 }), (things) => {
      const groups = grouped(things, keys)
      assert.deepEqual(groups.flat().toSorted(), things.toSorted())
      const homes = groups.flatMap((group) => [...new Set(group.flat())])
      assert.equal(new Set(homes).size, homes.length)
      for (const group of groups) {
        // Every member but the first is reached from the first over common keys.
        const reached = new Set(group[0])
        for (let round = 0; round < group.length; round += 1) {
          for (const member of group)
            if (member.some((key) => reached.has(key))) member.forEach((key) => reached.add(key))
        }
        assert.ok(group.every((member) => member.length === 0 || member.some((key) => reached.has(key))))
      }
    }),
  )
})
