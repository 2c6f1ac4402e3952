import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { failureDelay, openQueue } from './queue.ts'

test('a name added many times before its turn is handed out once, and once more when it was added during the work', async () => {
  const queue = openQueue()
  queue.add('a')
  queue.add('a')
  queue.add('b')
  assert.equal(await queue.take(), 'a')
  queue.add('a')
  queue.add('a')
  assert.equal(await queue.take(), 'b')
  queue.done('b')
  queue.done('a')
  assert.equal(await queue.take(), 'a')
  queue.done('a')
  queue.close()
  assert.equal(await queue.take(), undefined)
})

test('takers that wait get names as they come, and nothing once the queue is closed', async () => {
  const queue = openQueue()
  const [first, second, third] = [queue.take(), queue.take(), queue.take()]
  queue.add('a')
  queue.add('b')
  assert.deepEqual([await first, await second], ['a', 'b'])
  queue.close()
  queue.add('c')
  assert.equal(await third, undefined)
  assert.equal(await queue.take(), undefined)
})

function withTime(context: TestContext): { pass(millis: number): void } {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  return { pass: (millis) => context.mock.timers.tick(millis) }
}

test('a failed name comes back after a pause that doubles, whatever changed meanwhile, until it succeeds', async (context) => {
  const time = withTime(context)
  const queue = openQueue()
  queue.add('a')
  assert.equal(await queue.take(), 'a')
  const failAndWait = async (pause: number): Promise<void> => {
    queue.add('a')
    queue.failed('a')
    const next = queue.take()
    time.pass(pause - 1)
    assert.equal(await Promise.race([next, Promise.resolve('nothing yet')]), 'nothing yet')
    time.pass(1)
    assert.equal(await next, 'a')
  }
  await failAndWait(500)
  await failAndWait(1000)
  await failAndWait(2000)
  queue.done('a')
  queue.add('a')
  assert.equal(await queue.take(), 'a')
  await failAndWait(500)
})

test('a change wakes a name that waits for its next try', async (context) => {
  withTime(context)
  const queue = openQueue()
  queue.add('a')
  await queue.take()
  queue.failed('a')
  queue.add('a')
  assert.equal(await queue.take(), 'a')
})

test('a name to be looked at later comes then, and a change brings it earlier', async (context) => {
  const time = withTime(context)
  const queue = openQueue()
  queue.add('a')
  assert.equal(await queue.take(), 'a')
  queue.done('a', 2000)
  const next = queue.take()
  time.pass(1999)
  assert.equal(await Promise.race([next, Promise.resolve('nothing yet')]), 'nothing yet')
  time.pass(1)
  assert.equal(await next, 'a')
  queue.done('a', 2000)
  queue.add('a')
  assert.equal(await queue.take(), 'a')
})

test('a name to be looked at in years does not come at once', async () => {
  const queue = openQueue()
  queue.add('a')
  assert.equal(await queue.take(), 'a')
  queue.done('a', 1e12)
  // Real time: it is Node's own timer that would overflow.
  assert.equal(await Promise.race([queue.take(), sleep(30, 'nothing yet')]), 'nothing yet')
  queue.close()
})

test('pauses grow and stay within a minute', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2000 }), (failures) => {
      const [now, next] = [failureDelay(failures), failureDelay(failures + 1)]
      return now >= 500 && next >= now && next <= 60_000
    }),
  )
})

type Step = { do: 'add'; name: string } | { do: 'finish'; fails: boolean }

test('whatever happens, no name is worked on twice at once, and every change is followed by a look at it', async (context) => {
  const time = withTime(context)
  const name = fc.constantFrom('a', 'b', 'c')
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), name }),
    fc.record({ do: fc.constant('finish' as const), fails: fc.boolean() }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps: Step[]) => {
      const queue = openQueue()
      const working: string[] = []
      const unseen = new Set<string>()
      const worker = async (): Promise<void> => {
        for (let taken = await queue.take(); taken !== undefined; taken = await queue.take()) {
          assert.ok(!working.includes(taken))
          working.push(taken)
          unseen.delete(taken)
          const resume = Promise.withResolvers<boolean>()
          finishers.push(resume.resolve)
          const fails = await resume.promise
          working.splice(working.indexOf(taken), 1)
          if (fails) queue.failed(taken)
          else queue.done(taken)
        }
      }
      const finishers: ((fails: boolean) => void)[] = []
      const workers = [worker(), worker()]
      const settle = async (): Promise<void> => {
        for (let turn = 0; turn < 8; turn += 1) await Promise.resolve()
      }
      for (const one of steps) {
        if (one.do === 'add') {
          unseen.add(one.name)
          queue.add(one.name)
        } else finishers.shift()?.(one.fails)
        await settle()
      }
      for (let rounds = 0; rounds < 60 && (unseen.size > 0 || working.length > 0); rounds += 1) {
        finishers.shift()?.(false)
        await settle()
        time.pass(60_000)
        await settle()
      }
      assert.deepEqual([...unseen], [])
      queue.close()
      for (const finish of finishers) finish(false)
      await Promise.all(workers)
    }),
  )
})
