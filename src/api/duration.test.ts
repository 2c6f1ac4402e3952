import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatDuration, isDuration, parseDuration } from './duration.ts'
import { ApiError } from './error.ts'

const second = 1000
const hour = 3600 * second

test('Go durations are read in all their units', () => {
  const known: Record<string, number> = {
    '720h0m0s': 720 * hour,
    '1h30m': 1.5 * hour,
    '90s': 90 * second,
    '1.5s': 1500,
    '.5s': 500,
    '1.s': second,
    '250ms': 250,
    '3us': 0.003,
    '3µs': 0.003,
    '3μs': 0.003,
    '7ns': 0.000007,
    '-1m': -60 * second,
    '+1m': 60 * second,
    '0': 0,
    '-0': 0,
    '1m1m': 120 * second,
    '4.35s': 4350,
  }
  for (const [text, milliseconds] of Object.entries(known)) assert.equal(parseDuration(text), milliseconds, text)
})

test('what Go refuses is refused, with the text in the message', () => {
  for (const text of [
    '',
    '-',
    '1',
    '1d',
    'h',
    '.s',
    '1h 30m',
    ' 1h',
    '1h ',
    '1,5s',
    '--1s',
    'forever',
    '9223372037s',
  ]) {
    assert.equal(isDuration(text), false, text)
    assert.throws(
      () => parseDuration(text),
      (error) =>
        error instanceof ApiError && error.problem === 'invalid-duration' && error.message.includes(`"${text}"`),
    )
  }
})

test('durations are printed as Go prints them', () => {
  const known: [number, string][] = [
    [720 * hour, '720h0m0s'],
    [4 * hour, '4h0m0s'],
    [90 * second, '1m30s'],
    [1500, '1.5s'],
    [1, '1ms'],
    [1.5, '1.5ms'],
    [0.0015, '1.5µs'],
    [0.000001, '1ns'],
    [0, '0s'],
    [-0, '0s'],
    [-600 * second, '-10m0s'],
    [hour + 0.5, '1h0m0.0005s'],
  ]
  for (const [milliseconds, text] of known) assert.equal(formatDuration(milliseconds), text)
})

test('a printed duration reads as the same number of milliseconds', () => {
  const tenYears = 10 * 365 * 24 * hour
  fc.assert(
    fc.property(fc.integer({ min: -tenYears, max: tenYears }), (milliseconds) => {
      // Minus zero is not a duration of its own.
      assert.equal(parseDuration(formatDuration(milliseconds)), milliseconds + 0)
    }),
  )
})
