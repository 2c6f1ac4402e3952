import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { boundedLines } from './lines.ts'

function linesOf(pieces: readonly string[]): string[] {
  const lines: string[] = []
  const splitter = boundedLines((line) => lines.push(line))
  for (const piece of pieces) splitter.add(piece)
  splitter.end()
  return lines
}

test('lines come out the same however the text is cut; empty ones are dropped', () => {
  const text = fc.array(fc.constantFrom('a', 'b', '\n'), { maxLength: 30 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.array(text, { maxLength: 8 }), (pieces) => {
      const expected = pieces
        .join('')
        .split('\n')
        .filter((line) => line !== '')
      assert.deepEqual(linesOf(pieces), expected)
    }),
  )
})

test('a line that never ends is cut', () => {
  const lines = linesOf(Array.from({ length: 100 }, () => 'x'.repeat(1000)))
  assert.deepEqual(
    lines.map((line) => line.length),
    [8192],
  )
})
