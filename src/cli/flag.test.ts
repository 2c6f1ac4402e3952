import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UserError } from './exit.ts'
import { choice, duration, integer, list, map, orSelector, toggle } from './flag.ts'

test('a list is split at commas, and a later one replaces an earlier one', () => {
  assert.deepEqual(list('').parse('a,b', ['c']), ['a', 'b'])
})

test('a comma in the braces of a pattern does not split a list', () => {
  assert.deepEqual(list('').parse('a-{x,y}', undefined), ['a-{x,y}'])
  assert.deepEqual(list('').parse('a,b{c,d}e,{f,g},h', undefined), ['a', 'b{c,d}e', '{f,g}', 'h'])
  assert.deepEqual(list('').parse('a{,b', undefined), ['a{', 'b'])
})

test('maps add up; quotes keep a comma inside an entry', () => {
  assert.deepEqual(map('').parse('a=1,"b=2,3"', { c: '4' }), { c: '4', a: '1', b: '2,3' })
  assert.deepEqual(map('', { separator: ':' }).parse('old:new,x:y', undefined), { old: 'new', x: 'y' })
  for (const wrong of ['', 'a', '=1', 'a=1,b']) assert.throws(() => map('').parse(wrong, undefined), UserError, wrong)
})

test('any map of plain words survives being written and read', () => {
  const word = fc.stringMatching(/^[\w./-]{1,20}$/)
  fc.assert(
    fc.property(fc.dictionary(word, word, { minKeys: 1 }), (entries) => {
      const text = Object.entries(entries)
        .map(([key, value]) => `${key}=${value}`)
        .join(',')
      assert.deepEqual(Object.entries(map('').parse(text, undefined)), Object.entries(entries))
    }),
  )
})

test('a key that JavaScript has a meaning for is a key like any other', () => {
  assert.deepEqual(Object.entries(map('').parse('__proto__=x,constructor=y', undefined)), [
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ])
})

test('switches take Go’s words for true and false and nothing else', () => {
  for (const yes of ['1', 't', 'true', 'True', 'TRUE']) assert.equal(toggle('').parse(yes, undefined), true)
  for (const no of ['0', 'f', 'false', 'False', 'FALSE']) assert.equal(toggle('').parse(no, undefined), false)
  for (const wrong of ['yes', '', 'tRUE']) assert.throws(() => toggle('').parse(wrong, undefined), /true or false/)
})

test('wrong values are refused with what is right', () => {
  assert.throws(() => choice('', ['none', 'update']).parse('all', undefined), /one of none, update, not "all"/)
  assert.throws(() => duration('').parse('5', undefined), /no duration: "5"/)
  assert.throws(() => integer('', 1).parse('0', undefined), /at least 1/)
  assert.throws(() => integer('', 0).parse('1.5', undefined), /whole number/)
})

test('selectors joined by or are several', () => {
  assert.deepEqual(orSelector('').parse('a=b or c in (d,e)', undefined), [
    { matchLabels: { a: 'b' } },
    { matchExpressions: [{ key: 'c', operator: 'In', values: ['d', 'e'] }] },
  ])
})
