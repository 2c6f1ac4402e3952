import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { alignColumns, renderTable } from './table.ts'

test('columns are three blanks apart and nothing trails', () => {
  const columns = [
    { heading: 'NAME', text: (row: readonly string[]) => row[0] ?? '' },
    { heading: 'STATUS', text: (row: readonly string[]) => row[1] ?? '' },
  ]
  assert.equal(
    renderTable(columns, [
      ['a', 'Completed'],
      ['longer', ''],
    ]),
    'NAME     STATUS\na        Completed\nlonger\n',
  )
})

test('colour codes take no room', () => {
  assert.equal(
    alignColumns(
      [
        ['\u001b[32mok\u001b[39m', 'x'],
        ['four', 'y'],
      ],
      1,
    ),
    '\u001b[32mok\u001b[39m   x\nfour y\n',
  )
})

test('every cell of a column starts at the same place', () => {
  const word = fc.stringMatching(/^[a-z]{1,12}$/)
  fc.assert(
    fc.property(fc.array(fc.tuple(word, word), { minLength: 1 }), (rows) => {
      const starts = alignColumns(rows, 2)
        .trimEnd()
        .split('\n')
        .map((line, index) => line.lastIndexOf(rows[index]?.[1] ?? ''))
      assert.equal(new Set(starts).size, 1)
    }),
  )
})
