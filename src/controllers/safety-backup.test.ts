import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Backup, BackupPhase } from '#api/backup.ts'
import { restoreWishKeys } from '#api/restore-wishes.ts'
import type { Restore } from '#api/restore.ts'
import { safetyBackup } from '#restore/safety-backup.ts'
import { safetyStep } from './safety-backup.ts'

const restore: Restore = {
  apiVersion: 'velero.io/v1',
  kind: 'Restore',
  metadata: {
    name: 'r1',
    namespace: 'velero',
    creationTimestamp: '2026-01-01T10:00:00Z',
    annotations: { [restoreWishKeys.exact]: 'true' },
  },
  spec: { backupName: 'b1', includedNamespaces: ['shop', 'gone'], namespaceMapping: { shop: 'copy' } },
}

function made(phase: BackupPhase | undefined, more: Partial<Backup['metadata']> = {}): Backup {
  const backup = safetyBackup(restore, { existing: new Set(['copy']), location: 'default' })
  assert.ok(backup)
  const metadata = { ...backup.metadata, creationTimestamp: '2026-01-01T10:00:01Z', ...more }
  return { ...backup, metadata, ...(phase === undefined ? {} : { status: { phase } }) }
}

test('the safety backup takes the namespaces that are there and may change, under the names they have', () => {
  const { metadata, spec } = made(undefined)
  assert.equal(metadata.name, 'r1-before')
  assert.deepEqual([spec.includedNamespaces, spec.storageLocation, spec.snapshotVolumes], [['copy'], 'default', false])
  assert.equal(safetyBackup(restore, { existing: new Set(['shop']), location: undefined }), undefined)
})

test('a restore that did not ask for one, or refused it, has none', () => {
  const wants = (annotations: Record<string, string>): boolean => {
    const asked = { ...restore, metadata: { ...restore.metadata, annotations } }
    return safetyBackup(asked, { existing: new Set(['copy']), location: undefined }) !== undefined
  }
  const exact = { [restoreWishKeys.exact]: 'true' }
  assert.deepEqual(
    [wants({}), wants(exact), wants({ ...exact, [restoreWishKeys.safetyBackup]: 'false' })],
    [false, true, false],
  )
})

test('the restore waits for its safety backup and begins only when that is whole', () => {
  for (const phase of [undefined, 'New', 'Queued', 'InProgress'] as const)
    assert.equal(safetyStep(restore, made(phase)).do, 'wait')
  assert.equal(safetyStep(restore, made('Completed')).do, 'go')
  for (const phase of ['PartiallyFailed', 'Failed', 'FailedValidation'] as const) {
    const step = safetyStep(restore, made(phase))
    assert.match(
      step.do === 'refuse' ? step.problem : '',
      new RegExp(`safety backup r1-before ended ${phase}, so nothing was restored`),
    )
  }
})

test('a backup of that name that is not its own, or older than it, is not taken for it', () => {
  for (const more of [{ labels: {} }, { creationTimestamp: '2026-01-01T09:59:59Z' }]) {
    const step = safetyStep(restore, made('Completed', more))
    assert.match(step.do === 'refuse' ? step.problem : '', /there is a backup r1-before already/)
  }
})
