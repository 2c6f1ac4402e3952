import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pairs, renderDescription, triState, words } from './describe.ts'

test('labels of a block are aligned, blocks are apart, several values stand below each other', () => {
  const text = renderDescription([
    ['Name', 'a'],
    ['Labels', ['x=1', 'y=2']],
    '',
    { heading: 'Namespaces:', lines: ['Included:  *'] },
  ])
  assert.equal(text, 'Name:    a\nLabels:  x=1\n         y=2\n\nNamespaces:\n  Included:  *\n')
})

test('nothing is said as <none> or auto', () => {
  assert.equal(words([]), '<none>')
  assert.equal(words(null, '*'), '*')
  assert.deepEqual(pairs(undefined), ['<none>'])
  assert.deepEqual(pairs({ b: '2', a: '1' }), ['a=1', 'b=2'])
  assert.equal(triState(null), 'auto')
  assert.equal(triState(false, { on: 'included', off: 'excluded' }), 'excluded')
})
