import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { boundedOutput } from './bounded-output.ts'

test('output within the limit is kept as it is, in whatever pieces it comes', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme-ascii', maxLength: 20 }), { maxLength: 10 }), (pieces) => {
      const output = boundedOutput(400)
      for (const piece of pieces) output.add(Buffer.from(piece))
      assert.equal(output.text(), pieces.join(''))
    }),
  )
})

test('of more, the first and the last half of the limit are kept, and how much is missing is said', () => {
  const piece = fc.string({ unit: 'grapheme-ascii', maxLength: 30 })
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.integer({ min: 2, max: 60 }), (pieces, limit) => {
      const output = boundedOutput(limit)
      for (const one of pieces) output.add(Buffer.from(one))
      const all = pieces.join('')
      const room = Math.floor(limit / 2)
      const expected =
        all.length <= limit
          ? all
          : `${all.slice(0, room)}\n… ${all.length - limit} bytes left out …\n${all.slice(room - limit)}`
      assert.equal(output.text(), expected)
    }),
  )
})

test('a flood does not grow in memory', () => {
  const output = boundedOutput(1024)
  const megabyte = Buffer.alloc(2 ** 20, 'x')
  for (let count = 0; count < 200; count += 1) output.add(megabyte)
  assert.ok(output.text().length < 2048)
})
