import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { progressPatcher } from './status-patch.ts'

test('progress goes out at most once a second, one patch at a time, and a lost one is not missed', async () => {
  const sent: { progress: object; at: number }[] = []
  let underWay = 0
  const patcher = progressPatcher(async (progress) => {
    underWay += 1
    assert.equal(underWay, 1)
    sent.push({ progress, at: performance.now() })
    await sleep(50)
    underWay -= 1
    throw new Error('the API server is away')
  })
  for (let done = 0; done < 115; done += 1) {
    patcher.report({ itemsBackedUp: done })
    await sleep(10)
  }
  await patcher.settle()
  assert.equal(underWay, 0)
  assert.ok(sent.length >= 2)
  assert.deepEqual(sent[0]?.progress, { itemsBackedUp: 0 })
  for (const [index, { at }] of sent.entries()) {
    // The clock was read a moment earlier there than here.
    if (index > 0) assert.ok(at - (sent[index - 1]?.at ?? 0) > 900)
  }
})
