import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { alignTabs } from './tab-writer.ts'

test('cells of neighbouring lines share a width; a line without tabs parts the columns', () => {
  assert.deepEqual(alignTabs(['Name:\ta', 'Labels:\tx=1', '\ty=2', '', 'Resources:', '  Included:\t*', 'TTL:\t1h']), [
    'Name:    a',
    'Labels:  x=1',
    '         y=2',
    '',
    'Resources:',
    '  Included:  *',
    'TTL:         1h',
  ])
})

test('a second column is as wide as the lines that have one', () => {
  assert.deepEqual(alignTabs(['a\tlong cell\tx', 'bbbb\tb\ty', 'c\td']), [
    'a     long cell  x',
    'bbbb  b          y',
    'c     d',
  ])
})

test('colour codes take no room', () => {
  assert.deepEqual(alignTabs(['\u001b[32mok\u001b[39m\tx', 'four\ty']), ['\u001b[32mok\u001b[39m    x', 'four  y'])
})

test('no cell is lost or changed, and each stands at least two blanks after the one before', () => {
  const cell = fc.stringMatching(/^[a-z]{1,8}$/)
  fc.assert(
    fc.property(fc.array(fc.array(cell, { minLength: 1, maxLength: 4 })), (rows) => {
      const lines = alignTabs(rows.map((row) => row.join('\t')))
      assert.deepEqual(
        lines.map((line) => line.split(/ {2,}/)),
        rows,
      )
    }),
  )
})
