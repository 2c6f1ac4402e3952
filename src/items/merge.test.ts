import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { applyMergePatch, mergePatch } from './merge.ts'

test('a patch says only what differs, and null for what is gone', () => {
  const from = { data: { a: '1', b: '2' }, list: [1, 2], same: { x: 1 } }
  const to = { data: { a: '1', c: '3' }, list: [1], same: { x: 1 } }
  assert.deepEqual(mergePatch(from, to), { data: { b: null, c: '3' }, list: [1] })
})

test('a key named __proto__ is data like any other', () => {
  const from = JSON.parse('{"data":{}}') as object
  const to = JSON.parse('{"data":{"__proto__":"x"}}') as object
  const patched = applyMergePatch(from, mergePatch(from, to))
  assert.equal(JSON.stringify(patched), JSON.stringify(to))
})

test('the examples of RFC 7396, appendix A', () => {
  for (const [target, patch, result] of [
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ] as const) {
    assert.deepEqual(applyMergePatch(JSON.parse(target), JSON.parse(patch)), JSON.parse(result))
  }
})

// fast-check's dictionaries have no prototype, data from JSON.parse do.
const asParsed = (value: object): object => JSON.parse(JSON.stringify(value)) as object
const { json } = fc.letrec<{ json: unknown; tree: Record<string, unknown> }>((tie) => ({
  tree: fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), tie('json'), { maxKeys: 3 }),
  json: fc.oneof({ maxDepth: 3 }, fc.constantFrom(0, 1, 'x', true), fc.array(fc.constantFrom(1, 2)), tie('tree')),
}))
const tree = fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), json, { maxKeys: 3 }).map(asParsed)

test('the patch from one object to another makes the other of it', () => {
  fc.assert(
    fc.property(tree, tree, (from, to) => {
      const before = JSON.stringify(from)
      assert.deepEqual(applyMergePatch(from, mergePatch(from, to)), to)
      assert.equal(JSON.stringify(from), before)
      assert.deepEqual(Object.keys(mergePatch(to, to)), [])
    }),
  )
})
