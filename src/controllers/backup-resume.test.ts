import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BackupStorageLocation } from '#api/backup-storage-location.ts'
import type { Backup } from '#api/backup.ts'
import { resumeStep } from './backup-resume.ts'

const startTimestamp = '2026-01-01T00:00:00Z'
const left: Backup = {
  apiVersion: 'velero.io/v1',
  kind: 'Backup',
  metadata: { name: 'b' },
  spec: { storageLocation: 'main' },
  status: { phase: 'InProgress', startTimestamp },
}
const location = (status?: BackupStorageLocation['status']): BackupStorageLocation => ({
  apiVersion: 'velero.io/v1',
  kind: 'BackupStorageLocation',
  metadata: { name: 'main' },
  spec: { provider: 'aws', objectStorage: { bucket: 'b' } },
  ...(status && { status }),
})
const soon = new Date('2026-01-01T00:05:00Z')
const readable = { unreadable: undefined, now: soon }

test('a backup that a server left is made where its location can be used, and waits for the first check of a new one', () => {
  assert.deepEqual(resumeStep(left, { location: location({ phase: 'Available' }), ...readable }), { do: 'make' })
  assert.deepEqual(resumeStep(left, { location: location(), ...readable }), { do: 'await-check' })
})

test('one whose location cannot be used waits, and says why, until its time for operations is over', () => {
  const gone = location({ phase: 'Unavailable', message: 'no such bucket' })
  const why = 'backup location main cannot be used: no such bucket'
  assert.deepEqual(resumeStep(left, { location: gone, ...readable }), { do: 'wait', why })
  const stale = { location: location({ phase: 'Available' }), unreadable: 'connection refused' }
  const refused = { do: 'wait', why: 'backup location main cannot be used: connection refused' }
  assert.deepEqual(resumeStep(left, { ...stale, now: soon }), refused)
  assert.deepEqual(resumeStep(left, { ...stale, now: new Date('2026-01-01T03:59:59Z') }), refused)
  assert.deepEqual(resumeStep(left, { ...stale, now: new Date('2026-01-01T04:00:00Z') }), { do: 'make' })
  const short = { ...left, spec: { ...left.spec, itemOperationTimeout: '4m' } }
  assert.deepEqual(resumeStep(short, { ...stale, now: soon }), { do: 'make' })
})

test('nobody waits for a location that was deleted, nor for a backup that was cancelled', () => {
  assert.deepEqual(resumeStep(left, { location: undefined, ...readable }), { do: 'make' })
  const cancelled = { ...left, metadata: { name: 'b', annotations: { 'lifeboat.dev/cancel': 'me' } } }
  const gone = location({ phase: 'Unavailable' })
  assert.deepEqual(resumeStep(cancelled, { location: gone, ...readable }), { do: 'make' })
})
