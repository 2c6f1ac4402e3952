import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { mergeSources, type Source } from './merge.ts'

interface Gauge {
  open: number
  most: number
  read: number
}

/** A source of `values` that counts in `gauge` how many sources are open and how many values were asked for. */
function source(values: readonly string[], gauge: Gauge): Source<string> {
  return async function* () {
    gauge.open += 1
    gauge.most = Math.max(gauge.most, gauge.open)
    try {
      for (const value of values) {
        gauge.read += 1
        await turn()
        yield value
      }
    } finally {
      gauge.open -= 1
    }
  }
}

const gauge = (): Gauge => ({ open: 0, most: 0, read: 0 })

test('a merge gives every value once, keeps order inside a source, and opens no more sources than allowed', async () => {
  const lengths = fc.array(fc.nat({ max: 6 }), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(lengths, fc.integer({ min: 1, max: 5 }), async (counts, parallel) => {
      const seen = gauge()
      const lists = counts.map((count, s) => Array.from({ length: count }, (_, i) => `${s}:${i}`))
      const merged = await Array.fromAsync(
        mergeSources(
          lists.map((list) => source(list, seen)),
          parallel,
        ),
      )
      lists.forEach((list, s) =>
        assert.deepEqual(
          merged.filter((value) => value.startsWith(`${s}:`)),
          list,
        ),
      )
      assert.equal(merged.length, lists.flat().length)
      assert.ok(seen.most <= parallel)
      assert.equal(seen.open, 0)
    }),
    { numRuns: 60 },
  )
})

test('a slow reader holds the sources up', async () => {
  const seen = gauge()
  const many = Array.from({ length: 100 }, String)
  const merged = mergeSources([source(many, seen), source(many, seen)], 2)
  await merged.next()
  for (let i = 0; i < 50; i += 1) await turn()
  assert.ok(seen.read <= 4, `${seen.read} values were read ahead`)
  await merged.return()
  assert.equal(seen.open, 0)
})

test('the failure of one source ends the merge and closes the others', async () => {
  const seen = gauge()
  const failing: Source<string> = async function* () {
    yield 'a'
    throw new Error('broken off')
  }
  const many = Array.from({ length: 100 }, String)
  await assert.rejects(Array.fromAsync(mergeSources([source(many, seen), failing], 2)), /broken off/)
  assert.equal(seen.open, 0)
})
