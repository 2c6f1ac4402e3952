import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Backup } from '#api/backup.ts'
import { nameProblem } from '#api/names.ts'
import { deletionRequest } from './deletion-request.ts'

function backup(name: string): Backup {
  return { apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name, namespace: 'velero', uid: 'u1' }, spec: {} }
}

test('a request names the backup and is found by its labels', () => {
  assert.deepEqual(deletionRequest(backup('nightly'), '1a2b3c4d'), {
    apiVersion: 'velero.io/v1',
    kind: 'DeleteBackupRequest',
    metadata: {
      name: 'nightly-1a2b3c4d',
      namespace: 'velero',
      labels: { 'velero.io/backup-name': 'nightly', 'velero.io/backup-uid': 'u1' },
    },
    spec: { backupName: 'nightly' },
  })
})

test('property: whatever the name of the backup, its request has a name that Kubernetes takes', () => {
  const letter = fc.constantFrom('a', '0', '-', '.')
  fc.assert(
    fc.property(fc.array(letter, { minLength: 1, maxLength: 253 }), (letters) => {
      const name = letters.join('')
      fc.pre(nameProblem(name) === undefined)
      assert.equal(nameProblem(deletionRequest(backup(name), '1a2b3c4d').metadata.name), undefined)
    }),
  )
  const long = `${'a'.repeat(243)}.${'b'.repeat(9)}`
  assert.equal(deletionRequest(backup(long), '1a2b3c4d').metadata.name, `${'a'.repeat(243)}-1a2b3c4d`)
})
