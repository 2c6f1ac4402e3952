import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { eventBudget } from './event-budget.ts'

test('an object has 25 events at once and then one every five minutes, whatever others have', () => {
  const pauses = fc.array(fc.record({ ms: fc.nat({ max: 400_000 }), key: fc.constantFrom('a', 'b') }), {
    maxLength: 200,
  })
  fc.assert(
    fc.property(pauses, (steps) => {
      const budget = eventBudget()
      const first = new Map<string, number>()
      const taken = new Map<string, number>()
      let now = 1000
      for (const { ms, key } of steps) {
        now += ms
        if (!first.has(key)) first.set(key, now)
        const count = taken.get(key) ?? 0
        const allowed = budget.take(key, now)
        if (allowed) taken.set(key, count + 1)
        const most = 25 + (now - (first.get(key) ?? now)) / 300_000
        assert.ok(count + (allowed ? 1 : 0) <= most + 1e-6)
        if (count < 25) assert.ok(allowed)
      }
    }),
  )
})

test('objects without end take no memory without end', () => {
  const budget = eventBudget()
  for (let i = 0; i < 25; i += 1) assert.ok(budget.take('first', 0))
  assert.equal(budget.take('first', 0), false)
  for (let i = 0; i < 2000; i += 1) budget.take(`other-${i}`, 0)
  assert.ok(budget.take('first', 0), 'forgotten')
})
