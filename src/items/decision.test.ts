import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '#kube/object.ts'
import { decideObject, type ObjectDecision } from './decision.ts'
import { restoreManager } from './existing.ts'

const resumes = { name: 'r', createdAt: '2026-01-01T00:00:10Z' }
const labels = { 'velero.io/backup-name': 'b', 'velero.io/restore-name': 'r' }

function object(metadata: object, a = '1'): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', ...metadata }, data: { a } }
}

const decide = (live: KubeObject, policy?: string): ObjectDecision =>
  decideObject({ live, desired: object({ labels }), policy, resumes })
const written = (manager: string, time: string): object => ({ manager, operation: 'Update', time })

test('after an interruption what the restore made is finished, and what others made under its name is not taken for it', () => {
  assert.deepEqual(decide(object({ labels, creationTimestamp: '2026-01-01T00:00:10Z' })), { do: 'finish' })
  assert.equal(decide(object({ labels, creationTimestamp: '2026-01-01T00:00:09Z' })).do, 'nothing')
  const other = { ...labels, 'velero.io/restore-name': 'other' }
  assert.equal(decide(object({ labels: other, creationTimestamp: '2026-01-01T00:00:11Z' })).do, 'nothing')
})

test('after an interruption what the restore updated counts as updated, as long as nobody has changed it again', () => {
  const live = (manager: string, time: string, a?: string): KubeObject =>
    object({ labels, creationTimestamp: '2025-01-01T00:00:00Z', managedFields: [written(manager, time)] }, a)
  assert.deepEqual(decide(live(restoreManager, '2026-01-01T00:00:12Z'), 'update'), { do: 'updated' })
  assert.equal(decide(live(restoreManager, '2026-01-01T00:00:12Z', '2'), 'update').do, 'patch')
  assert.equal(decide(live(restoreManager, '2025-12-31T00:00:00Z'), 'update').do, 'label')
  assert.equal(decide(live('kubectl', '2026-01-01T00:00:12Z'), 'update').do, 'label')
})
