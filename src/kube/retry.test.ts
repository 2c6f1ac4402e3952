import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Setback } from './retry.ts'
import { retryAfterSeconds, retryDelay } from './retry.ts'

const spent = { millis: 0, most: 60_000 }
const first = { tries: 1, answeredBefore: true, spent, random: 0 }
const status = (code: number, retryAfter?: number): Setback => ({ kind: 'status', status: code, retryAfter })

test('what may have been processed is repeated only when repeating does no harm', () => {
  const ambiguous: Setback[] = [{ kind: 'interrupted' }, status(500), status(502), status(503), status(504)]
  for (const setback of ambiguous) {
    assert.notEqual(retryDelay({ ...first, setback, repeatable: true }), undefined)
    assert.equal(retryDelay({ ...first, setback, repeatable: false }), undefined)
  }
})

test('what was certainly not processed is repeated even if it creates', () => {
  for (const setback of [{ kind: 'not-sent' }, status(429), status(503, 1)] as Setback[]) {
    assert.notEqual(retryDelay({ ...first, setback, repeatable: false }), undefined)
  }
})

test('an answer that means no is final', () => {
  for (const code of [400, 401, 403, 404, 405, 409, 410, 415, 422, 501]) {
    assert.equal(retryDelay({ ...first, setback: status(code), repeatable: true }), undefined)
  }
})

test('the server is not asked again before its Retry-After, and tries end', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 1, max: 30 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (after, tries, random) => {
        const common = { repeatable: true, tries, answeredBefore: true, spent, random }
        const delay = retryDelay({ ...common, setback: status(429, after) })
        if (tries < 12) assert.ok(delay !== undefined && delay >= after * 1000)
        else assert.equal(delay, undefined)
        const backOff = retryDelay({ ...common, setback: { kind: 'interrupted' } })
        assert.ok(backOff === undefined ? tries >= 8 : backOff > 0 && backOff <= 10_000)
      },
    ),
  )
})

test('a server that never answered is given up sooner', () => {
  const attempt = { setback: { kind: 'not-sent' }, repeatable: true, tries: 3, spent, random: 0 } as const
  assert.equal(retryDelay({ ...attempt, answeredBefore: false }), undefined)
  assert.notEqual(retryDelay({ ...attempt, answeredBefore: true }), undefined)
})

test('a call that has failed for as long as it is worth is given up, unless the server is only busy', () => {
  const late = { ...first, repeatable: true, spent: { millis: 60_000, most: 60_000 } }
  for (const setback of [{ kind: 'interrupted' }, { kind: 'not-sent' }, status(500), status(503, 1)] as Setback[]) {
    assert.equal(retryDelay({ ...late, setback }), undefined)
  }
  assert.notEqual(retryDelay({ ...late, setback: status(429) }), undefined)
})

test('Retry-After is read as seconds or as a date', () => {
  const now = new Date('2026-01-01T00:00:00Z')
  assert.equal(retryAfterSeconds('7', now), 7)
  assert.equal(retryAfterSeconds('Thu, 01 Jan 2026 00:00:09 GMT', now), 9)
  assert.equal(retryAfterSeconds('soon', now), undefined)
})
