import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { linesOf } from './lines.ts'

async function* cut(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const places = [...new Set(cuts.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b)
  let start = 0
  for (const place of [...places, bytes.length]) {
    yield bytes.subarray(start, place)
    start = place
  }
}

test('lines are the same wherever the stream is cut, in the middle of a character too', async () => {
  const line = fc.string({ unit: 'binary' }).map((text) => JSON.stringify({ text }))
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.array(fc.nat()), async (lines, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''))
      assert.deepEqual(await Array.fromAsync(linesOf(cut(bytes, cuts))), lines)
    }),
  )
})

test('a line that the connection cut off is not taken for one', async () => {
  assert.deepEqual(await Array.fromAsync(linesOf(cut(Buffer.from('{"a":1}\n{"b":'), []))), ['{"a":1}'])
})
