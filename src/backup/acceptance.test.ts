import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { BackupStorageLocation } from '#api/backup-storage-location.ts'
import type { Backup, BackupSpec } from '#api/backup.ts'
import { defaultBackup, type BackupSettings } from './defaults.ts'
import { validateBackup } from './validation.ts'

const facts = { version: { major: '1', minor: '36', gitVersion: 'v1.36.3' }, excludedNamespaces: ['hidden'] }
const now = new Date('2026-01-01T00:00:00Z')

function accepted(spec: BackupSpec, settings: BackupSettings = {}): Backup {
  const backup: Backup = { apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name: 'nightly' }, spec }
  return defaultBackup(backup, { facts, now, settings })
}

function location(name: string, rest: Partial<BackupStorageLocation> = {}): BackupStorageLocation {
  const spec = { provider: 'aws', objectStorage: { bucket: 'b' }, ...rest.spec }
  const status = rest.status ?? { phase: 'Available' as const }
  return { apiVersion: 'velero.io/v1', kind: 'BackupStorageLocation', metadata: { name }, spec, status }
}

test('an empty spec gets the defaults that Velero persists', () => {
  const backup = accepted({})
  assert.deepEqual(backup.spec, {
    includedNamespaces: ['*'],
    excludedNamespaces: ['hidden'],
    excludedNamespaceScopedResources: ['volumesnapshots.snapshot.storage.k8s.io'],
    excludedClusterScopedResources: ['volumesnapshotcontents.snapshot.storage.k8s.io'],
    ttl: '720h0m0s',
    csiSnapshotTimeout: '10m0s',
    itemOperationTimeout: '4h0m0s',
    volumeGroupSnapshotLabelKey: 'velero.io/volume-group',
    defaultVolumesToFsBackup: false,
    snapshotMoveData: false,
    storageLocation: 'default',
  })
  assert.deepEqual(backup.status, { version: 1, formatVersion: '1.1.0', expiration: '2026-01-31T00:00:00Z' })
  assert.deepEqual(backup.metadata.labels, { 'velero.io/storage-location': 'default' })
  assert.equal(backup.metadata.annotations?.['velero.io/source-cluster-k8s-gitversion'], 'v1.36.3')
  assert.equal(backup.metadata.annotations?.['velero.io/resource-timeout'], '10m0s')
})

test('accepting twice is the same as once', () => {
  const names = fc.option(fc.subarray(['*', 'shop', 'secrets', 'pods']), { nil: undefined })
  const spec = fc.record({
    includedNamespaces: names,
    includedResources: names,
    excludedNamespaceScopedResources: names,
    ttl: fc.constantFrom('0s', '24h0m0s', undefined),
  })
  fc.assert(
    fc.property(spec, (given) => {
      const once = accepted(given)
      assert.deepEqual(defaultBackup(once, { facts, now: new Date('2027-01-01T00:00:00Z') }), once)
    }),
  )
})

test('the location marked as default is taken before that of the server', () => {
  const marked = location('b', { spec: { provider: 'aws', objectStorage: { bucket: 'b' }, default: true } })
  const settings = { locations: [location('a'), marked], defaultLocation: 'a' }
  assert.equal(accepted({}, settings).spec.storageLocation, 'b')
  assert.equal(accepted({ storageLocation: 'a' }, settings).spec.storageLocation, 'a')
})

test('what defaulting adds is never held against the user', () => {
  assert.deepEqual(validateBackup(accepted({})), [])
  assert.deepEqual(validateBackup(accepted({ excludedClusterScopedResources: ['*'] })), [])
})

test('a location that is missing, read-only or unavailable is a reason each; without installation none is looked at', () => {
  const of = (...locations: BackupStorageLocation[]): number => validateBackup(accepted({}), { locations }).length
  const readOnly = { provider: 'aws', objectStorage: { bucket: 'b' }, accessMode: 'ReadOnly' as const }
  assert.equal(of(location('other')), 1)
  assert.equal(of(location('default', { spec: readOnly })), 1)
  assert.equal(of(location('default', { spec: readOnly, status: { phase: 'Unavailable' } })), 2)
  assert.equal(of(location('default')), 0)
  assert.deepEqual(validateBackup(accepted({})), [])
})

test('all that is wrong is said at once', () => {
  const problems = validateBackup(
    accepted({
      includedNamespaces: ['hidden'],
      includedResources: ['pods'],
      excludedResources: ['pods'],
      labelSelector: { matchLabels: { a: 'b' } },
      orLabelSelectors: [{ matchLabels: { a: 'b' } }],
    }),
  )
  assert.equal(problems.length, 3, problems.join('\n'))
})

test('a selector that no API server takes is told once', () => {
  const labelSelector = { matchExpressions: [{ key: 'a', operator: 'Is' }] }
  assert.deepEqual(validateBackup(accepted({ labelSelector })), [
    'Invalid label selector: "Is" is not a valid label selector operator',
  ])
})

test('problems of the resource policies come after those of the filters', () => {
  const backup = accepted({ includedNamespaces: ['A'] })
  const problems = validateBackup(backup, { policyProblems: ['the policies are wrong'] })
  assert.equal(problems.length, 2)
  assert.equal(problems.at(-1), 'the policies are wrong')
})

test('a negative ttl is refused, and does not make the refused backup expire at once', () => {
  const backup = accepted({ ttl: '-1h' })
  assert.match(validateBackup(backup).join(), /ttl -1h is negative/)
  assert.equal(backup.status?.expiration, '2026-01-31T00:00:00Z')
})
