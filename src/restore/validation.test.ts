import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { restoreWishKeys } from '#api/restore-wishes.ts'
import type { BackupStorageLocation } from '#api/backup-storage-location.ts'
import type { Backup } from '#api/backup.ts'
import type { Restore } from '#api/restore.ts'
import { defaultRestore, requestedBackup, validateRestore } from './validation.ts'

function restoreOf(spec: Restore['spec']): Restore {
  return { apiVersion: 'velero.io/v1', kind: 'Restore', metadata: { name: 'r' }, spec }
}

function backup(name: string, status: Backup['status'] = {}, labels: Record<string, string> = {}): Backup {
  return { apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name, labels }, spec: {}, status }
}

const nightly = { 'velero.io/schedule-name': 'nightly' }

test('defaults are those that Velero wrote into a recorded restore', () => {
  const { spec } = defaultRestore(restoreOf({ backupName: 'a15-invalid', excludedResources: ['pods'] }))
  assert.deepEqual(spec.excludedResources, [
    'pods',
    'nodes',
    'events',
    'events.events.k8s.io',
    'backups.velero.io',
    'restores.velero.io',
    'resticrepositories.velero.io',
    'csinodes.storage.k8s.io',
    'volumeattachments.storage.k8s.io',
    'backuprepositories.velero.io',
  ])
  assert.equal(spec.itemOperationTimeout, '4h0m0s')
})

test('defaults change neither their input nor what is given, and twice is the same as once', () => {
  const given = restoreOf({ backupName: 'b', excludedResources: ['nodes', 'pods'], itemOperationTimeout: '5m0s' })
  const before = structuredClone(given)
  const once = defaultRestore(given)
  assert.deepEqual(given, before)
  assert.equal(once.spec.itemOperationTimeout, '5m0s')
  assert.deepEqual(defaultRestore(once), once)
  assert.equal(defaultRestore(restoreOf({ itemOperationTimeout: '0s' })).spec.itemOperationTimeout, '4h0m0s')
})

test('of a schedule the newest completed backup is restored', () => {
  const backups = [
    backup('old', { phase: 'Completed', startTimestamp: '2026-01-01T00:00:00Z' }, nightly),
    backup('best', { phase: 'Completed', startTimestamp: '2026-01-03T00:00:00Z' }, nightly),
    backup('older', { phase: 'Completed', startTimestamp: '2026-01-02T00:00:00Z' }, nightly),
    backup('broken', { phase: 'PartiallyFailed', startTimestamp: '2026-01-04T00:00:00Z' }, nightly),
    backup('other', { phase: 'Completed', startTimestamp: '2026-01-05T00:00:00Z' }),
  ]
  const asked = restoreOf({ scheduleName: 'nightly' })
  assert.equal(requestedBackup(asked, backups)?.metadata.name, 'best')
  assert.deepEqual(validateRestore(asked, { backups, modifierProblems: [] }), [])
  assert.deepEqual(validateRestore(asked, { backups: [], modifierProblems: [] }), [
    'No completed backups found for schedule nightly',
  ])
})

test('a restore with broken resource modifiers is refused with all that is wrong', () => {
  const asked = restoreOf({ backupName: 'here', existingResourcePolicy: 'Update' })
  const places = { backups: [backup('here')], modifierProblems: ['first', 'second'] }
  assert.deepEqual(validateRestore(asked, places), ['Invalid ExistingResourcePolicy: Update', 'first', 'second'])
})

test('a restore of a backup that is not there says so in the words of Velero', () => {
  const asked = restoreOf({ backupName: 'gone' })
  assert.deepEqual(validateRestore(asked, { backups: [backup('here')], modifierProblems: [] }), [
    'Error retrieving backup: Backup.velero.io "gone" not found',
  ])
  assert.deepEqual(
    validateRestore(restoreOf({ backupName: 'here' }), { backups: [backup('here')], modifierProblems: [] }),
    [],
  )
})

test('a restore wrong in every way is told so in the words of Velero (golden a15)', async () => {
  const file = new URL('../../test/compat/golden/scenarios/a15-invalid/', import.meta.url)
  const read = async (name: string): Promise<unknown> => JSON.parse(await readFile(new URL(name, file), 'utf8'))
  const { status, ...asked } = (await read('restore.json')) as Restore
  const places = { backups: [(await read('backup.json')) as Backup], locations: [], modifierProblems: ['never told'] }
  assert.deepEqual(validateRestore(defaultRestore(asked), places), status?.validationErrors)
})

test('a backup cannot be restored from a location that is known to be out of reach', () => {
  const location = (phase?: 'Available' | 'Unavailable'): BackupStorageLocation => ({
    apiVersion: 'velero.io/v1',
    kind: 'BackupStorageLocation',
    metadata: { name: 'far' },
    spec: { provider: 'aws', objectStorage: { bucket: 'b' } },
    ...(phase === undefined ? {} : { status: { phase } }),
  })
  const here = { ...backup('here'), spec: { storageLocation: 'far' } }
  const problems = (locations: BackupStorageLocation[]): string[] =>
    validateRestore(restoreOf({ backupName: 'here' }), { backups: [here], locations, modifierProblems: [] })
  assert.deepEqual(problems([location('Unavailable')]), ['The BSL far is unavailable, cannot retrieve the backup'])
  assert.deepEqual(problems([location('Available')]), [])
  assert.deepEqual(problems([location()]), [])
})

test('an exact restore needs a backup that has everything it was to take', () => {
  const exact = (status: object, spec: object = {}): string[] => {
    const asked = restoreOf({ backupName: 'here', includedNamespaces: ['shop'] })
    const restore = { ...asked, metadata: { ...asked.metadata, annotations: { [restoreWishKeys.exact]: 'true' } } }
    const found = backup('here')
    const backups = [{ ...found, spec: { ...found.spec, ...spec }, status }]
    return validateRestore(restore, { backups, modifierProblems: [] })
  }
  assert.deepEqual(exact({ phase: 'Completed' }), [])
  assert.match(
    exact({ phase: 'PartiallyFailed' }).join(),
    /needs a backup that is Completed, and here is PartiallyFailed/,
  )
  assert.match(exact({}).join(), /here is New/)
  assert.match(
    exact({ phase: 'Completed' }, { resourcePolicy: { kind: 'configmap', name: 'p' } }).join(),
    /resource policies/,
  )
})
