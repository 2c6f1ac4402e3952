import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Pace, adaptivePace } from './pace.ts'

/** Lets `windows` full windows pass on a server that answers as `latency` says for the width at that moment. */
function drive(pace: Pace, windows: number, latency: (width: number) => number): void {
  for (let window = 0; window < windows; window += 1) {
    const { width } = pace
    for (let call = 0; call < width; call += 1) pace.note({ milliseconds: latency(width), refused: false })
  }
}

/** A server that works on `capacity` calls at once and queues the rest. */
const saturating = (capacity: number) => (width: number) => 10 * Math.max(1, width / capacity)

test('a server that never tires is used at full width', () => {
  const pace = adaptivePace()
  drive(pace, 20, () => 10)
  assert.equal(pace.width, 64)
})

test('where latency is the server thinking of something else, width still grows', () => {
  const pace = adaptivePace()
  drive(pace, 40, () => 1_500)
  assert.equal(pace.width, 64)
})

test('width stops near what the server can work on at once', () => {
  for (const capacity of [20, 32, 48]) {
    const pace = adaptivePace()
    const widths: number[] = []
    for (let window = 0; window < 100; window += 1) {
      drive(pace, 1, saturating(capacity))
      widths.push(pace.width)
    }
    const late = widths.slice(20)
    assert.ok(Math.min(...late) >= 16, `${Math.min(...late)} for ${capacity}`)
    assert.ok(Math.max(...late) <= capacity * 2, `${Math.max(...late)} for ${capacity}`)
  }
})

test('one refusal halves the width at once', () => {
  const pace = adaptivePace({ start: 32 })
  pace.note({ milliseconds: 5, refused: true })
  assert.equal(pace.width, 16)
})

test('a collapse of latency halves the width, and what stays slow is not punished again and again', () => {
  const pace = adaptivePace({ start: 32, most: 32 })
  drive(pace, 5, () => 20)
  drive(pace, 1, () => 2_000)
  assert.equal(pace.width, 16)
  drive(pace, 10, () => 2_000)
  assert.equal(pace.width, 16)
  drive(pace, 10, () => 2_000)
  assert.ok(pace.width > 16)
})

test('the width never leaves its bounds, whatever happens', () => {
  const call = fc.record({ milliseconds: fc.double({ min: 0, max: 60_000, noNaN: true }), refused: fc.boolean() })
  fc.assert(
    fc.property(fc.array(call, { maxLength: 2_000 }), (calls) => {
      const pace = adaptivePace({ start: 8, least: 2, most: 40 })
      for (const one of calls) {
        pace.note(one)
        assert.ok(Number.isInteger(pace.width) && pace.width >= 2 && pace.width <= 40, String(pace.width))
      }
    }),
  )
})
