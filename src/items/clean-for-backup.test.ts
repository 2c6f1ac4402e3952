import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Item, KubeObject } from '#kube/object.ts'
import { cleanForBackup } from './clean-for-backup.ts'

function clean(plural: string, object: KubeObject): KubeObject {
  const type = { group: '', version: 'v1', plural, kind: object.kind, namespaced: true }
  const item: Item = { type, namespace: 'shop', name: object.metadata.name, object }
  const before = JSON.stringify(object)
  const result = cleanForBackup(item, { backupName: 'now' })
  assert.equal(JSON.stringify(object), before)
  return result
}

function claim(spec: object, labels: Record<string, string> = {}, phase = 'Bound'): KubeObject {
  const metadata = { name: 'data', namespace: 'shop', uid: 'u', labels }
  const kind = 'PersistentVolumeClaim'
  return { apiVersion: 'v1', kind, metadata, spec: { volumeName: 'pv', ...spec }, status: { phase } }
}

test('an object without anything to clean is returned itself', () => {
  const config: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', annotations: { b: 'c' } } }
  assert.equal(clean('configmaps', config), config)
  const bound = claim({ storageClassName: 'fast' }, { app: 'web' })
  assert.equal(clean('persistentvolumeclaims', bound), bound)
})

test('marks that Velero’s plugins leave for it are not stored', () => {
  const annotations = { 'backup.velero.io/must-include-additional-items': 'true', keep: '1' }
  const config: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', annotations } }
  assert.deepEqual(clean('configmaps', config).metadata.annotations, { keep: '1' })
})

test('a bound claim forgets its source and how it chose its volume', () => {
  const spec = { dataSource: { name: 's' }, dataSourceRef: { name: 's' }, selector: { matchLabels: { a: 'b' } } }
  assert.deepEqual(clean('persistentvolumeclaims', claim(spec))['spec'], { volumeName: 'pv' })
})

test('a claim without a class keeps its own selector, but not what an earlier restore added', () => {
  const matchLabels = { disk: 'tape', 'velero.io/dynamic-pv-restore': 'x' }
  const spec = clean('persistentvolumeclaims', claim({ storageClassName: '', selector: { matchLabels } }))['spec']
  assert.deepEqual(spec, { volumeName: 'pv', storageClassName: '', selector: { matchLabels: { disk: 'tape' } } })
})

test('labels of earlier backups and restores go, that of this backup stays', () => {
  const labels = { 'velero.io/restore-name': 'r', 'velero.io/volume-snapshot-name': 'v', app: 'web' }
  const labelsAfter = (backup: string): unknown =>
    clean('persistentvolumeclaims', claim({}, { ...labels, 'velero.io/backup-name': backup })).metadata.labels
  assert.deepEqual(labelsAfter('before'), { app: 'web' })
  assert.deepEqual(labelsAfter('now'), { app: 'web', 'velero.io/backup-name': 'now' })
})

test('a claim that waits for its volume stays as it is', () => {
  const pending = claim({ selector: {}, dataSource: {} }, { 'velero.io/restore-name': 'r' }, 'Pending')
  assert.equal(clean('persistentvolumeclaims', pending), pending)
})
