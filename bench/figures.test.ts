import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { figuresOf, median } from './figures.ts'

test('as many values lie below the median as above it', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1 }), (values) => {
      const middle = median(values)
      const below = values.filter((value) => value < middle).length
      const above = values.filter((value) => value > middle).length
      assert.ok(below <= values.length / 2 && above <= values.length / 2)
    }),
  )
})

test('there is no median of nothing', () => {
  assert.throws(() => median([]), RangeError)
})

test('each figure is a median by itself', () => {
  const run = { objects: 100, seconds: 1, peakRssMB: 50, cpuSeconds: 2, apiCalls: 10 }
  const runs = [run, { ...run, seconds: 4, peakRssMB: 40 }, { ...run, seconds: 2, apiCalls: 30 }]
  assert.deepEqual(figuresOf(runs), {
    seconds: 2,
    objectsPerSecond: 50,
    peakRssMB: 50,
    cpuSeconds: 2,
    apiCalls: 10,
  })
})
