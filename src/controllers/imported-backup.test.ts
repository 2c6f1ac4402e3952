import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Backup, BackupPhase } from '#api/backup.ts'
import { backupPhases } from '#api/backup.ts'
import { dataPathPhases } from '#api/data-path.ts'
import { hasEnded } from '#api/phases.ts'
import type { PodVolumeBackup } from '#api/pod-volume-backup.ts'
import { importedVolumeBackup, importStep, type ImportFacts } from './imported-backup.ts'

const facts: ImportFacts = {
  folder: 'shop',
  location: 'here',
  namespace: 'lifeboat',
  schedules: new Set(['schedule-uid']),
  now: new Date('2026-06-01T00:00:00Z'),
}

function stored(phase: BackupPhase | undefined, expiration = '2026-07-01T00:00:00Z', metadata: object = {}): Backup {
  return {
    apiVersion: 'velero.io/v1',
    kind: 'Backup',
    metadata: {
      name: 'shop',
      namespace: 'velero',
      uid: 'there',
      resourceVersion: '77',
      generation: 9,
      creationTimestamp: '2026-05-01T00:00:00Z',
      managedFields: [{}],
      finalizers: ['somebody/else'],
      labels: { 'velero.io/storage-location': 'default', team: 'a' },
      annotations: { note: 'kept' },
      ...metadata,
    },
    spec: { storageLocation: 'default', ttl: '720h0m0s' },
    status: { phase, expiration, warnings: 2 },
  }
}

test('a backup comes in under its own name, in this namespace and location, with its result', () => {
  const step = importStep(stored('PartiallyFailed'), facts)
  assert.deepEqual(step, {
    do: 'import',
    backup: {
      apiVersion: 'velero.io/v1',
      kind: 'Backup',
      metadata: {
        name: 'shop',
        namespace: 'lifeboat',
        labels: { 'velero.io/storage-location': 'here', team: 'a' },
        annotations: { note: 'kept' },
      },
      spec: { storageLocation: 'here', ttl: '720h0m0s' },
      status: { phase: 'PartiallyFailed', expiration: '2026-07-01T00:00:00Z', warnings: 2 },
    },
  })
})

test('a backup that has not ended waits for whoever makes it, and once it has expired comes in to be cleaned up', () => {
  for (const phase of [undefined, ...backupPhases]) {
    const fresh = importStep(stored(phase), facts)
    const old = importStep(stored(phase, '2026-06-01T00:00:00Z'), facts)
    assert.equal(fresh.do, hasEnded(phase) ? 'import' : 'wait', phase)
    assert.ok(old.do === 'import', phase)
    assert.equal(old.backup.status?.phase, hasEnded(phase) ? phase : 'PartiallyFailed')
  }
})

test('a file that belongs to another backup is refused', () => {
  const step = importStep(stored('Completed', undefined, { name: 'copy' }), facts)
  assert.deepEqual(step, { do: 'refuse', reason: 'it says that it is backup copy' })
})

test('only the very same Schedule owns it here', () => {
  const owner = (kind: string, uid: string): object => ({ apiVersion: 'velero.io/v1', kind, name: 'n', uid })
  const owners = [owner('Schedule', 'schedule-uid'), owner('Schedule', 'another'), owner('Pod', 'pod-uid')]
  const step = importStep(stored('Completed', undefined, { ownerReferences: owners }), facts)
  assert.ok(step.do === 'import')
  assert.deepEqual(step.backup.metadata.ownerReferences, owners.slice(0, 1))
})

function volume(phase: NonNullable<PodVolumeBackup['status']>['phase']): PodVolumeBackup {
  return {
    apiVersion: 'velero.io/v1',
    kind: 'PodVolumeBackup',
    metadata: {
      name: 'shop-1',
      namespace: 'velero',
      uid: 'x',
      finalizers: ['velero.io/pod-volume-finalizer'],
      labels: { 'velero.io/backup-uid': 'there', 'velero.io/backup-name': 'shop' },
      ownerReferences: [{ apiVersion: 'velero.io/v1', kind: 'Backup', name: 'shop', uid: 'there', controller: true }],
    },
    spec: { node: 'n', pod: {}, volume: 'data', backupStorageLocation: 'default', repoIdentifier: '' },
    status: { phase, snapshotID: 'abc' },
  }
}

test('a volume of it belongs to the new object, and one that never ended is left out', () => {
  const here = stored('Completed', undefined, { uid: 'here' })
  const where = { location: 'here', namespace: 'lifeboat' }
  const imported = importedVolumeBackup(volume('Completed'), here, where)
  assert.deepEqual(imported?.metadata, {
    name: 'shop-1',
    namespace: 'lifeboat',
    labels: { 'velero.io/backup-uid': 'here', 'velero.io/backup-name': 'shop' },
    ownerReferences: [{ apiVersion: 'velero.io/v1', kind: 'Backup', name: 'shop', uid: 'here', controller: true }],
  })
  assert.equal(imported?.spec.backupStorageLocation, 'here')
  assert.equal(imported?.status?.snapshotID, 'abc')
  const taken = [undefined, ...dataPathPhases].filter((phase) => importedVolumeBackup(volume(phase), here, where))
  assert.deepEqual(taken, ['Canceled', 'Completed', 'Failed'])
})
