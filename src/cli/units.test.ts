import assert from 'node:assert/strict'
import { test } from 'node:test'
import { counted, formatAge, formatBytes, formatCount, formatMillis } from './units.ts'

test('durations are short and in the unit one thinks in', () => {
  assert.deepEqual([0, 812, 9_949, 42_400, 200_000, 7_500_000].map(formatMillis), [
    '0.0 s',
    '0.8 s',
    '9.9 s',
    '42 s',
    '3m20s',
    '2h05m',
  ])
})

test('bytes are in powers of 1024', () => {
  assert.deepEqual([0, 1023, 1024, 3_565_158, 5 * 1024 ** 4].map(formatBytes), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '3.4 MiB',
    '5.0 TiB',
  ])
})

test('counts have thousands', () => {
  assert.equal(formatCount(1_234_567), '1,234,567')
})

test('one is one, and nothing is no', () => {
  assert.deepEqual(
    [0, 1, 2000].map((count) => counted(count, 'error')),
    ['no errors', '1 error', '2,000 errors'],
  )
})

test('ages read like Velero’s', () => {
  const now = new Date('2026-03-01T00:00:00Z')
  const ages = [
    '2026-02-28T23:59:15Z',
    '2026-02-28T23:48:00Z',
    '2026-02-28T19:00:00Z',
    '2026-01-31T00:00:00Z',
    '2026-03-30T00:00:00Z',
    '2026-02-28T23:58:30Z',
    '2026-02-27T01:00:00Z',
    '2028-03-30T00:00:00Z',
  ]
  assert.deepEqual(
    ages.map((instant) => formatAge(new Date(instant), now)),
    ['45s', '12m', '5h', '29d', '29d', '1m', '1d', '2y'],
  )
})
