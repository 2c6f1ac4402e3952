import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeStanding } from './progress-line.ts'

test('a standing tells share, rate and the time left', () => {
  const standing = { doing: 'Backing up', done: 1200, total: 2400, bytes: 3_250_585 }
  assert.equal(
    describeStanding(standing, 2000, true),
    'Backing up  [############------------]  1,200 of 2,400 objects  3.1 MiB  600/s  ETA 2.0 s',
  )
})

test('without a total there is neither bar nor estimate', () => {
  assert.equal(describeStanding({ doing: 'Backing up', done: 10 }, 1000, true), 'Backing up  10 objects  10/s')
})

test('a total that was too small breaks nothing', () => {
  assert.match(describeStanding({ doing: 'Restoring', done: 12, total: 10 }, 1000, true), /\[#{24}\]  12 of 10 objects/)
})
