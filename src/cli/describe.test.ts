import assert from 'node:assert/strict'
import { test } from 'node:test'
import { indented, instant, pairs, renderDescription, triState, words } from './describe.ts'

test('labels of a block are aligned, blocks are apart, several values stand below each other', () => {
  const text = renderDescription([
    ['Name', 'a'],
    ['Labels', ['x=1', 'y=2']],
    '',
    '',
    { heading: 'Namespaces:', lines: ['Included:\t*', 'Out:\t<none>'] },
    '',
  ])
  assert.equal(text, 'Name:    a\nLabels:  x=1\n         y=2\n\nNamespaces:\n  Included:  *\n  Out:       <none>\n')
})

test('nothing is said as <none> or auto', () => {
  assert.equal(words([]), '<none>')
  assert.equal(words(null, '*'), '*')
  assert.deepEqual(pairs(undefined), ['<none>'])
  assert.deepEqual(pairs({ b: '2', a: '1' }), ['a=1', 'b=2'])
  assert.equal(triState(null), 'auto')
  assert.equal(triState(false, { on: 'included', off: 'excluded' }), 'excluded')
})

test('times are printed as Velero prints them, in UTC', () => {
  assert.equal(instant('2026-11-27T10:00:00Z'), '2026-11-27 10:00:00 +0000 UTC')
  assert.equal(instant('2026-11-27T12:00:00+02:00'), '2026-11-27 10:00:00 +0000 UTC')
  assert.equal(instant(undefined), '<n/a>')
  assert.equal(instant(null, '<nil>'), '<nil>')
})

test('lines move to the right, empty ones stay empty', () => {
  assert.deepEqual(indented(['a', '', 'b'], 2), ['    a', '', '    b'])
})
