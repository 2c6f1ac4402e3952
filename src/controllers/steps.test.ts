import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Backup } from '#api/backup.ts'
import { backupPhases } from '#api/backup.ts'
import type { BackupStorageLocation } from '#api/backup-storage-location.ts'
import type { DownloadRequest } from '#api/download-request.ts'
import { annotationKeys, finalizerNames } from '#api/labels.ts'
import { hasEnded } from '#api/phases.ts'
import { restorePhases, type Restore } from '#api/restore.ts'
import { backupStep } from './backup-controller.ts'
import { surplusDefaults } from './default-location.ts'
import { downloadStep } from './download-request-controller.ts'
import { nextCheck } from './location-check.ts'
import { restoreStep } from './restore-controller.ts'
import { cancelReason } from './withdrawal.ts'

const now = new Date('2026-01-01T10:00:00Z')
const apiVersion = 'velero.io/v1'

function backup(phase: Backup['status'], metadata: object = {}): Backup {
  return { apiVersion, kind: 'Backup', metadata: { name: 'b', ...metadata }, spec: {}, ...(phase && { status: phase }) }
}

function restore(phase: Restore['status'], metadata: object = {}): Restore {
  return {
    apiVersion,
    kind: 'Restore',
    metadata: { name: 'r', ...metadata },
    spec: {},
    ...(phase && { status: phase }),
  }
}

test('a backup starts once, one in progress is what a dead server left, and nothing that ended or goes is touched', () => {
  assert.equal(backupStep(backup(undefined)), 'queue')
  assert.equal(backupStep(backup({ phase: 'Queued' })), 'queue')
  assert.equal(backupStep(backup({ phase: 'ReadyToStart' })), 'start')
  assert.equal(backupStep(backup({ phase: 'InProgress' })), 'resume')
  assert.equal(backupStep(backup({ phase: 'Finalizing' })), 'resume-if-ours')
  assert.equal(backupStep(backup({ phase: 'WaitingForPluginOperations' })), 'resume-if-ours')
  for (const phase of backupPhases) {
    if (hasEnded(phase) || phase === 'Deleting') assert.equal(backupStep(backup({ phase })), 'nothing', phase)
    assert.equal(backupStep(backup({ phase }, { deletionTimestamp: now.toISOString() })), 'nothing', phase)
  }
})

test('one that has ended is cleared away where a dead server has not', () => {
  const annotations = { [annotationKeys.clearing]: 'true' }
  for (const phase of backupPhases) {
    const usual = backupStep(backup({ phase }))
    assert.equal(backupStep(backup({ phase }, { annotations })), hasEnded(phase) ? 'clear' : usual, phase)
    const deleted = { annotations, deletionTimestamp: now.toISOString() }
    assert.equal(backupStep(backup({ phase }, deleted)), 'nothing', phase)
  }
})

test('a restore starts once, one in progress is taken up, a deleted one is cleaned up as long as it waits for us', () => {
  assert.equal(restoreStep(restore(undefined)), 'start')
  assert.equal(restoreStep(restore({ phase: 'InProgress' })), 'resume')
  const waiting = { phase: 'WaitingForPluginOperations' } as const
  assert.equal(restoreStep(restore(waiting)), 'leave', 'Velero’s')
  assert.equal(restoreStep(restore(waiting, { annotations: { 'lifeboat.dev/awaits-operations': 'true' } })), 'resume')
  const deleted = { deletionTimestamp: now.toISOString() }
  for (const phase of restorePhases) {
    if (hasEnded(phase)) assert.equal(restoreStep(restore({ phase })), 'nothing', phase)
    assert.equal(restoreStep(restore({ phase }, deleted)), 'nothing', phase)
    const waiting = { ...deleted, finalizers: ['another', finalizerNames.restore] }
    assert.equal(restoreStep(restore({ phase }, waiting)), 'clean-up', phase)
  }
})

test('one that is to be cancelled ends at once when it has not begun, and otherwise through the run that knows what is left of it', () => {
  const metadata = { annotations: { 'lifeboat.dev/cancel': 'jane' } }
  for (const phase of backupPhases) {
    const usual = backupStep(backup({ phase }))
    const waits = usual === 'queue' || usual === 'start'
    assert.equal(backupStep(backup({ phase }, metadata)), waits ? 'cancel' : usual, phase)
  }
  for (const phase of restorePhases) {
    const usual = restoreStep(restore({ phase }))
    assert.equal(restoreStep(restore({ phase }, metadata)), usual === 'start' ? 'cancel' : usual, phase)
  }
  const reasons = ['jane', 'true', '', 'false'].map((by) =>
    cancelReason(backup(undefined, { annotations: { 'lifeboat.dev/cancel': by } })),
  )
  assert.deepEqual(reasons, ['cancelled by jane', 'cancelled', 'cancelled', undefined])
  assert.equal(cancelReason(backup(undefined)), undefined)
})

function location(rest: { status?: object; spec?: object; metadata?: object }): BackupStorageLocation {
  const spec = { provider: 'aws', objectStorage: { bucket: 'b' }, ...rest.spec }
  const metadata = { name: 'default', ...rest.metadata }
  return { apiVersion, kind: 'BackupStorageLocation', metadata, spec, status: rest.status ?? {} }
}

test('a location is checked when it is new to this process or changed, and then in its own rhythm', () => {
  const checked = location({ status: { phase: 'Available', lastValidationTime: '2026-01-01T09:59:30Z' } })
  const checkedSpec = JSON.stringify(checked.spec)
  const facts = { usual: 60_000, now, checkedSpec }
  assert.deepEqual(nextCheck(location({}), { ...facts, checkedSpec: undefined }), { checkIn: 0 })
  assert.deepEqual(nextCheck(checked, { ...facts, checkedSpec: undefined }), { checkIn: 0 })
  assert.deepEqual(nextCheck(checked, facts), { checkIn: 30_000 })
  assert.deepEqual(nextCheck(checked, { ...facts, usual: 10_000 }), { checkIn: 0 })
  assert.deepEqual(nextCheck(checked, { ...facts, checkedSpec: 'another' }), { checkIn: 0 })
  assert.equal(nextCheck(checked, { ...facts, usual: 0 }), 'never')
  const own = (validationFrequency: string): ReturnType<typeof nextCheck> => {
    const rhythmic = location({ spec: { validationFrequency }, status: checked.status ?? {} })
    return nextCheck(rhythmic, { ...facts, checkedSpec: JSON.stringify(rhythmic.spec) })
  }
  assert.deepEqual(own('5m0s'), { checkIn: 270_000 })
  assert.equal(own('0s'), 'never')
  assert.deepEqual(own('-1s'), { checkIn: 30_000 })
})

test('of the locations marked as default only the newest stays marked, whatever their order', () => {
  const made = fc.record({ second: fc.nat({ max: 5 }), isDefault: fc.boolean() })
  fc.assert(
    fc.property(fc.array(made, { maxLength: 8 }), (all) => {
      const locations = all.map(({ second, isDefault }, i) =>
        location({
          metadata: { name: `l${i}`, creationTimestamp: `2026-01-01T10:00:0${second}Z` },
          spec: { default: isDefault },
        }),
      )
      const marked = locations.filter(({ spec }) => spec.default === true)
      const surplus = surplusDefaults(locations)
      assert.deepEqual(surplusDefaults(locations.toReversed()), surplus)
      assert.equal(surplus.length, Math.max(0, marked.length - 1))
      const kept = marked.find(({ metadata }) => !surplus.includes(metadata.name))
      const newest = marked.map(({ metadata }) => metadata.creationTimestamp ?? '').toSorted()
      assert.equal(kept?.metadata.creationTimestamp, newest.at(-1))
    }),
  )
})

test('a download request gets its end first, then its answer, and dies when its time is over whatever it got', () => {
  const request = (status: object): DownloadRequest => ({
    apiVersion,
    kind: 'DownloadRequest',
    metadata: { name: 'd' },
    spec: { target: { kind: 'BackupLog', name: 'b' } },
    status,
  })
  assert.deepEqual(downloadStep(request({}), now), { do: 'mark' })
  const expiration = '2026-01-01T10:05:00Z'
  assert.deepEqual(downloadStep(request({ expiration }), now), { do: 'sign' })
  assert.deepEqual(downloadStep(request({ expiration, phase: 'Processed' }), now), { do: 'keep', millis: 300_000 })
  const late = new Date(expiration)
  assert.deepEqual(downloadStep(request({ expiration }), late), { do: 'delete' })
  assert.deepEqual(downloadStep(request({ expiration, phase: 'Processed' }), late), { do: 'delete' })
})
