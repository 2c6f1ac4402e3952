import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RepositoryFacts } from './facts.ts'
import { aboutRepositories } from './repositories.ts'

const now = new Date('2026-03-10T12:00:00Z')
const hoursAgo = (hours: number): Date => new Date(now.getTime() - hours * 3_600_000)

function found(facts: Partial<RepositoryFacts>): string[] {
  const well: RepositoryFacts = {
    name: 'shop-default-kopia',
    phase: 'Ready',
    message: '',
    created: hoursAgo(2000),
    frequency: 3_600_000,
    lastMaintenance: hoursAgo(1),
    lastFailure: undefined,
    isMaintained: true,
  }
  return [...aboutRepositories([{ ...well, ...facts }], now)].map(
    ({ severity, problem, message }) => `${severity} ${problem}: ${message}`,
  )
}

test('a repository that is ready and maintained is not spoken of', () => {
  assert.deepEqual(found({}), [])
  assert.deepEqual(found({ lastMaintenance: hoursAgo(23) }), [])
})

test('one that cannot be opened is critical, and says why; a new one has an hour', () => {
  const problem = 'critical repository-not-ready'
  assert.deepEqual(found({ phase: 'NotReady', message: 'wrong password' }), [`${problem}: wrong password`])
  assert.deepEqual(found({ phase: 'NotReady' }), [`${problem}: it cannot be opened`])
  assert.deepEqual(found({ phase: 'New', created: hoursAgo(0.5), lastMaintenance: undefined }), [])
  assert.deepEqual(found({ phase: 'New', lastMaintenance: undefined }), [
    `${problem}: nobody has opened it since it was asked for`,
  ])
})

test('a maintenance that failed, or is long overdue, is a warning', () => {
  assert.deepEqual(found({ lastFailure: 'pod evicted' }), [
    'warning repository-maintenance-failed: its last maintenance failed: pod evicted',
  ])
  assert.deepEqual(found({ lastMaintenance: hoursAgo(25) }), [
    'warning repository-maintenance-overdue: it was last maintained at 2026-03-09T11:00:00.000Z',
  ])
  assert.deepEqual(found({ lastMaintenance: undefined }), [
    'warning repository-maintenance-overdue: it was never maintained',
  ])
})

test('how long is too long follows from how often it is maintained, and a week counts where nobody says', () => {
  assert.deepEqual(found({ frequency: 24 * 3_600_000, lastMaintenance: hoursAgo(70) }), [])
  assert.equal(found({ frequency: 24 * 3_600_000, lastMaintenance: hoursAgo(73) }).length, 1)
  assert.deepEqual(found({ frequency: 0, lastMaintenance: hoursAgo(500) }), [])
  assert.equal(found({ frequency: 0, lastMaintenance: hoursAgo(505) }).length, 1)
})

test('in a read-only location nothing is maintained, and nobody complains', () => {
  assert.deepEqual(found({ isMaintained: false, lastFailure: 'x', lastMaintenance: hoursAgo(5000) }), [])
})
