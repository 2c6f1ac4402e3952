import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PluginError } from './error.ts'
import { openOperations, type OperatingAction, type Operations } from './operations.ts'
import type { OperationProgress } from './plugin.ts'

type Answer = OperationProgress | 'fault'

interface World {
  readonly operations: Operations<string, string>
  readonly failures: string[]
  readonly cancelled: string[]
  time: number
}

/** Operations whose action gives these answers in turn, the last one for ever; time passes with each question. */
function world(script: Readonly<Record<string, readonly Answer[]>>, timeoutMillis = 1_000_000): World {
  const asked = new Map<string, number>()
  const failures: string[] = []
  const cancelled: string[] = []
  const action: OperatingAction<string> = {
    name: 'example.com/one',
    progress(id) {
      const count = asked.get(id) ?? 0
      asked.set(id, count + 1)
      made.time += 10_000
      const answers = script[id]!
      const answer = answers[Math.min(count, answers.length - 1)]!
      return answer === 'fault' ? Promise.reject(new PluginError('failed', 'no idea')) : Promise.resolve(answer)
    },
    cancel(id) {
      cancelled.push(id)
      return Promise.reject(new PluginError('failed', 'cannot be cancelled'))
    },
  }
  const operations = openOperations<string, string>({
    timeoutMillis,
    pollMillis: 1,
    now: () => new Date(made.time),
    context: () => 'told',
    onFailed: ({ id, error }) => failures.push(`${id}: ${error}`),
  })
  const made: World = { operations, failures, cancelled, time: 0 }
  for (const id of Object.keys(script)) operations.start(action, id, `item of ${id}`)
  return made
}

const phases = ({ operations }: World): string[] => operations.all.map(({ phase }) => phase)

test('operations are asked about until all have ended; the counts are told before each pause', async () => {
  const done = { completed: true, started: '2026-01-01T00:00:00Z', nCompleted: 5 }
  const made = world({
    quick: [done],
    slow: [{ completed: false, started: '2026-01-01T00:00:00Z' }, { completed: false }, done],
    failing: [{ completed: true, error: 'disk full' }],
    broken: ['fault'],
  })
  const told: object[] = []
  await made.operations.settle((counts) => Promise.resolve(void told.push(counts)))
  assert.deepEqual(phases(made), ['Completed', 'Completed', 'Failed', 'Failed'])
  assert.deepEqual(made.failures, ['failing: disk full', 'broken: no idea'])
  const waiting = { attempted: 4, completed: 1, failed: 2 }
  assert.deepEqual(told, [waiting, waiting])
  assert.deepEqual(made.operations.all[1]!.progress, { started: done.started, nCompleted: 5 })
})

test('an operation that takes too long is cancelled and counts as failed, even when it cannot be cancelled', async () => {
  const made = world({ endless: [{ completed: false }], good: [{ completed: true }] }, 60_000)
  await made.operations.settle(() => Promise.resolve())
  assert.deepEqual(phases(made), ['Failed', 'Completed'])
  assert.deepEqual(made.cancelled, ['endless'])
  assert.deepEqual(made.failures, ['endless: Asynchronous action timed out'])
})

test('operations that are given up are cancelled, but not those that have ended', async () => {
  const made = world({ running: [{ completed: false }] })
  await made.operations.abandon()
  assert.deepEqual(made.cancelled, ['running'])
  const ended = world({ done: [{ completed: true }] })
  await ended.operations.settle(() => Promise.resolve())
  await ended.operations.abandon()
  assert.deepEqual(ended.cancelled, [])
})

test('with whatever answers, waiting ends, and every operation has completed or failed exactly once', async () => {
  const answer = fc.oneof(
    fc.constant<Answer>({ completed: false }),
    fc.constant<Answer>('fault'),
    fc.constant<Answer>({ completed: true }),
    fc.constant<Answer>({ completed: true, error: 'no' }),
  )
  const script = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.array(answer, { minLength: 1, maxLength: 4 }))
  await fc.assert(
    fc.asyncProperty(script, async (script) => {
      const made = world(script, 100_000)
      await made.operations.settle(() => Promise.resolve())
      const { attempted, completed, failed } = made.operations.counts
      assert.equal(attempted, Object.keys(script).length)
      assert.equal(completed + failed, attempted)
      assert.equal(made.failures.length, failed)
    }),
    { numRuns: 50 },
  )
})
