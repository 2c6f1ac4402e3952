import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backupPhases, type Backup, type BackupPhase } from '#api/backup.ts'
import type { BackupStorageLocation } from '#api/backup-storage-location.ts'
import { isUnderWay } from '#api/phases.ts'
import { garbageStep } from './garbage-step.ts'

const now = new Date('2026-01-01T10:00:00Z')
const apiVersion = 'velero.io/v1'

function backup(phase: BackupPhase | undefined, metadata: object = {}): Backup {
  const status = { phase }
  return { apiVersion, kind: 'Backup', metadata: { name: 'b', ...metadata }, spec: {}, status }
}

function location(phase: 'Available' | 'Unavailable' | undefined, accessMode?: 'ReadOnly'): BackupStorageLocation {
  const spec = { provider: 'aws', objectStorage: { bucket: 'b' }, ...(accessMode && { accessMode }) }
  return { apiVersion, kind: 'BackupStorageLocation', metadata: { name: 'default' }, spec, status: { phase } }
}

test('the deletion of an expired backup is asked for once, whatever became of it, unless it is still being made', () => {
  const free = { location: location('Available'), requested: false }
  for (const phase of backupPhases) {
    const expected = isUnderWay(phase) ? { do: 'leave', because: 'in-progress' } : { do: 'request' }
    assert.deepEqual(garbageStep(backup(phase), free), expected, phase)
  }
  assert.deepEqual(garbageStep(backup('Completed'), { ...free, requested: true }), {
    do: 'leave',
    because: 'requested',
  })
  const going = backup('Completed', { deletionTimestamp: now.toISOString() })
  assert.deepEqual(garbageStep(going, free), { do: 'leave', because: 'being-deleted' })
})

test('what the location forbids is told by the label, what may pass is waited for', () => {
  const step = (at: BackupStorageLocation | undefined): ReturnType<typeof garbageStep> =>
    garbageStep(backup('Completed'), { location: at, requested: false })
  assert.deepEqual(step(undefined), { do: 'mark', failure: 'BSLNotFound' })
  assert.deepEqual(step(location('Available', 'ReadOnly')), { do: 'mark', failure: 'BSLReadOnly' })
  assert.deepEqual(step(location('Unavailable')), { do: 'leave', because: 'location-unavailable' })
  assert.deepEqual(step(location(undefined)), { do: 'leave', because: 'location-unavailable' })
})
