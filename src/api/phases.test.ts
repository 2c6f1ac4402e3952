import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backupPhases } from './backup.ts'
import { hasEnded, hasFailed, isPartial, isUnderWay } from './phases.ts'
import { restorePhases } from './restore.ts'

const all = [...new Set([...backupPhases, ...restorePhases])]

test('a run has ended when nothing will move its phase any more', () => {
  assert.deepEqual(all.filter(hasEnded), ['FailedValidation', 'Completed', 'PartiallyFailed', 'Failed'])
  assert.equal(hasEnded(undefined), false)
})

test('only complete success counts as success', () => {
  assert.deepEqual(all.filter(hasFailed), ['FailedValidation', 'PartiallyFailed', 'Failed'])
  assert.equal(hasFailed(undefined), false)
})

test('a partial failure shows in the phase before the run has ended', () => {
  assert.deepEqual(all.filter(isPartial), [
    'WaitingForPluginOperationsPartiallyFailed',
    'FinalizingPartiallyFailed',
    'PartiallyFailed',
  ])
})

test('work is under way between the start and the end, not while it waits or is being deleted', () => {
  assert.deepEqual(all.filter(isUnderWay), [
    'InProgress',
    'WaitingForPluginOperations',
    'WaitingForPluginOperationsPartiallyFailed',
    'Finalizing',
    'FinalizingPartiallyFailed',
  ])
  assert.equal(isUnderWay(undefined), false)
})
