import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { applyJsonPatch, parsePointer, show, type PatchOperation, type Pointer } from './json-patch.ts'
import { PatchError } from './patch-error.ts'

const at = (text: string): Pointer => parsePointer(text)!
const add = (path: string, value: unknown): PatchOperation => ({ op: 'add', path: at(path), value })
const replace = (path: string, value: unknown): PatchOperation => ({ op: 'replace', path: at(path), value })
const check = (path: string, value: unknown): PatchOperation => ({ op: 'test', path: at(path), value })
const remove = (path: string): PatchOperation => ({ op: 'remove', path: at(path) })
const move = (from: string, path: string): PatchOperation => ({ op: 'move', from: at(from), path: at(path) })
const copy = (from: string, path: string): PatchOperation => ({ op: 'copy', from: at(from), path: at(path) })

test('every operation does what RFC 6902 says, and changes nothing in place', () => {
  for (const [document, operation, result] of [
    [{ a: 1 }, add('/b', 2), { a: 1, b: 2 }],
    [{ a: 1 }, add('/a', [2]), { a: [2] }],
    [{ a: ['x', 'z'] }, add('/a/1', 'y'), { a: ['x', 'y', 'z'] }],
    [{ a: ['x'] }, add('/a/-', 'y'), { a: ['x', 'y'] }],
    [{ a: ['x'] }, add('/a/1', 'y'), { a: ['x', 'y'] }],
    [{ a: { b: [{ c: 1 }] } }, replace('/a/b/0/c', 2), { a: { b: [{ c: 2 }] } }],
    [{ a: ['x', 'y'] }, replace('/a/-1', 'z'), { a: ['x', 'z'] }],
    [{ a: null }, replace('/a', 1), { a: 1 }],
    [{ a: 1, b: 2 }, remove('/a'), { b: 2 }],
    [{ a: ['x', 'y'] }, remove('/a/0'), { a: ['y'] }],
    [{ a: { b: 1 }, c: {} }, move('/a/b', '/c/d'), { a: {}, c: { d: 1 } }],
    [{ a: ['x', 'y', 'z'] }, move('/a/0', '/a/2'), { a: ['y', 'z', 'x'] }],
    [{ a: { b: 1 } }, copy('/a', '/c'), { a: { b: 1 }, c: { b: 1 } }],
    [{ 'a/b': 1, 'c~d': 2 }, remove('/a~1b'), { 'c~d': 2 }],
    [{ 'c~d': 2 }, replace('/c~0d', 3), { 'c~d': 3 }],
    [{ a: 1 }, check('/a', 1), { a: 1 }],
    [{ a: { x: 1, y: 2 } }, check('/a', { y: 2, x: 1 }), { a: { x: 1, y: 2 } }],
    [{}, check('/a', null), {}],
  ] as const) {
    const before = JSON.stringify(document)
    assert.deepEqual(applyJsonPatch(document, [operation]), result, JSON.stringify(operation))
    assert.equal(JSON.stringify(document), before)
  }
})

test('what does not fit the document is refused with its path', () => {
  for (const [document, operation, message] of [
    [{ a: 1 }, add('/b/c', 1), 'cannot add /b/c: there is nothing at this path'],
    [{ a: 1 }, add('/a/b', 1), 'cannot add /a/b: there is nothing at this path'],
    [{ a: ['x'] }, add('/a/2', 'y'), 'cannot add /a/2: there is nothing at this path'],
    [{ a: ['x'] }, add('/a/x', 'y'), 'cannot add /a/x: there is nothing at this path'],
    [{}, replace('/a', 1), 'cannot replace /a: there is nothing at this path'],
    [{ a: 'x' }, replace('/a/0', 1), 'cannot replace /a/0: there is nothing at this path'],
    [{}, remove('/a'), 'cannot remove /a: there is nothing at this path'],
    [{ a: [] }, remove('/a/0'), 'cannot remove /a/0: there is nothing at this path'],
    [{ a: [] }, remove('/a/-1'), 'cannot remove /a/-1: there is nothing at this path'],
    [{}, remove('/constructor'), 'cannot remove /constructor: there is nothing at this path'],
    [{}, copy('/a', '/b'), 'cannot copy /a: there is nothing at this path'],
    [{ a: {} }, move('/a', '/a/b'), '/a cannot be moved into itself, /a/b'],
    [{}, check('/a/b', 1), 'cannot test /a/b: there is nothing at this path'],
  ] as const) {
    const refused = (error: unknown): boolean =>
      error instanceof PatchError && error.problem === 'does-not-apply' && error.message === message
    assert.throws(() => applyJsonPatch(document, [operation]), refused, message)
  }
})

test('a test that is not so says what is', () => {
  for (const [document, operation, message] of [
    [{ a: '1' }, check('/a', 1), '/a is "1", not 1'],
    [{}, check('/a', 1), '/a is missing, not 1'],
    [{ a: 1 }, check('/a', null), '/a is 1, not null'],
  ] as const) {
    assert.throws(
      () => applyJsonPatch(document, [operation]),
      (error) => error instanceof PatchError && error.problem === 'test-failed' && error.message === message,
    )
  }
})

test('keys that mean something to JavaScript mean nothing here', () => {
  const document = applyJsonPatch({}, [add('/__proto__', {}), add('/__proto__/polluted', true), add('/constructor', 1)])
  assert.equal(JSON.stringify(document), '{"__proto__":{"polluted":true},"constructor":1}')
  assert.equal(({} as { polluted?: unknown }).polluted, undefined)
})

test('what is no pointer is known as such', () => {
  for (const text of ['a', 'a/b', '/a~', '/a~2']) assert.equal(parsePointer(text), undefined, text)
})

const key = fc.oneof(fc.constantFrom('a', 'b', '', '~', '/', '0', '-', '__proto__'), fc.string({ maxLength: 3 }))
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(1, 'x', null, true),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.array(fc.tuple(key, tie('tree')), { maxLength: 3 }).map((entries) => Object.fromEntries(entries)),
  ),
}))

test('a pointer reads back as it was written', () => {
  fc.assert(fc.property(fc.array(key), (path) => assert.deepEqual(parsePointer(show(path)), path)))
})

test('what was added is there, and removing it gives the document back', () => {
  const object = fc.array(fc.tuple(key, tree), { maxLength: 4 }).map((entries) => Object.fromEntries(entries))
  fc.assert(
    fc.property(object, key, tree, (document, name, value) => {
      const before = JSON.stringify(document)
      const path = [name]
      const withValue = applyJsonPatch(document, [
        { op: 'add', path, value },
        { op: 'test', path, value },
      ])
      assert.deepEqual(applyJsonPatch(withValue, [{ op: 'copy', from: path, path }]), withValue)
      if (!Object.hasOwn(document, name)) {
        assert.deepEqual(applyJsonPatch(withValue, [{ op: 'remove', path }]), document)
      }
      assert.equal(JSON.stringify(document), before)
    }),
  )
})
