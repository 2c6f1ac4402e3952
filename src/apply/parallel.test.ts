import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { inParallel } from './parallel.ts'

test('every item is worked on once, never more at once than the width allows, started in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(4), { maxLength: 60 }), fc.integer({ min: 1, max: 9 }), async (pauses, width) => {
      let running = 0
      const started: number[] = []
      const work = async (index: number): Promise<number> => {
        started.push(index)
        running += 1
        assert.ok(running <= width)
        for (let turn = 0; turn < (pauses[index] ?? 0); turn += 1) await setImmediate()
        running -= 1
        return index
      }
      const results = await Array.fromAsync(inParallel(pauses.keys(), work, () => width))
      assert.deepEqual(started, [...pauses.keys()])
      assert.deepEqual(
        results.toSorted((a, b) => a - b),
        [...pauses.keys()],
      )
    }),
    { numRuns: 50 },
  )
})

test('a width that grows in the middle is used at once', async () => {
  let width = 1
  let running = 0
  let most = 0
  const work = async (): Promise<void> => {
    running += 1
    most = Math.max(most, running)
    await sleep(2)
    width = 5
    running -= 1
  }
  for await (const _ of inParallel(Array(20).keys(), work, () => width));
  assert.equal(most, 5)
})

test('a failure starts nothing new, waits for what runs, and comes out', async () => {
  const finished: number[] = []
  const started: number[] = []
  const work = async (index: number): Promise<number> => {
    started.push(index)
    await sleep(index === 0 ? 1 : 20)
    if (index === 0) throw new Error('broken')
    finished.push(index)
    return index
  }
  const results: number[] = []
  await assert.rejects(async () => {
    for await (const result of inParallel(Array(100).keys(), work, () => 3)) results.push(result)
  }, /broken/)
  assert.deepEqual(started, [0, 1, 2])
  assert.deepEqual(finished, [1, 2])
})

test('a caller that stops taking results leaves nothing running', async () => {
  let running = 0
  const work = async (): Promise<void> => {
    running += 1
    await sleep(5)
    running -= 1
  }
  for await (const _ of inParallel(Array(100).keys(), work, () => 4)) break
  assert.equal(running, 0)
})
