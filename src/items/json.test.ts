import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { equalJson, listOf, objectOf, without } from './json.ts'

const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown }

test('numbers too big for a double are compared digit by digit', () => {
  const big = (): unknown => ({ size: rawJSON('9007199254740993') })
  assert.equal(equalJson(big(), big()), true)
  assert.equal(equalJson(big(), { size: rawJSON('9007199254740992') }), false)
  assert.equal(equalJson(rawJSON('9007199254740993'), '9007199254740993'), false)
})

test('a raw number is neither an object nor a list', () => {
  assert.equal(objectOf(rawJSON('9007199254740993')), undefined)
  assert.deepEqual(listOf(rawJSON('9007199254740993')), [])
})

test('the order of keys does not matter, a missing key does', () => {
  assert.equal(equalJson({ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 }), true)
  assert.equal(equalJson({ a: undefined }, { b: undefined }), false)
  assert.equal(equalJson([1, 2], [2, 1]), false)
  assert.equal(equalJson({}, []), false)
})

test('equality is what strict deep equality says of JSON', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 2 }), fc.jsonValue({ maxDepth: 2 }), (a, b) => {
      // JSON knows one zero.
      const [left, right] = [a, b].map((value): unknown => JSON.parse(JSON.stringify(value)))
      let same = true
      try {
        assert.deepStrictEqual(left, right)
      } catch {
        same = false
      }
      assert.equal(equalJson(left, right), same)
      assert.equal(equalJson(left, JSON.parse(JSON.stringify(left))), true)
    }),
  )
})

test('taking nothing away gives the object itself', () => {
  const object = { a: 1, b: 2 }
  assert.equal(without(object, ['c']), object)
  assert.deepEqual(without(object, ['a']), { b: 2 })
  assert.deepEqual(object, { a: 1, b: 2 })
})
