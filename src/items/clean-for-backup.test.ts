import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Item, KubeObject } from '#kube/object.ts'
import { cleanForBackup } from './clean-for-backup.ts'

function clean(plural: string, object: KubeObject): KubeObject {
  const type = { group: '', version: 'v1', plural, kind: object.kind, namespaced: true }
  const item: Item = { type, namespace: 'shop', name: object.metadata.name, object }
  const before = JSON.stringify(object)
  const result = cleanForBackup(item, { backupName: 'now' }).object
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

test('cleaning twice is cleaning once, and touches nothing but what is named', () => {
  const labels = fc.dictionary(
    fc.constantFrom('app', 'velero.io/restore-name', 'velero.io/backup-name', 'velero.io/volume-snapshot-name'),
    fc.constantFrom('now', 'before'),
  )
  const matchLabels = fc.dictionary(fc.constantFrom('disk', 'velero.io/dynamic-pv-restore'), fc.constant('x'))
  const spec = fc.record(
    {
      storageClassName: fc.constantFrom('', 'fast'),
      dataSource: fc.constant({ name: 's' }),
      dataSourceRef: fc.constant({ name: 's' }),
      selector: fc.record({ matchLabels, matchExpressions: fc.constant([]) }, { requiredKeys: [] }),
      accessModes: fc.constant(['ReadWriteOnce']),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(spec, labels, fc.constantFrom('Bound', 'Pending'), (given, own, phase) => {
      const once = clean('persistentvolumeclaims', claim(given, own, phase))
      assert.equal(clean('persistentvolumeclaims', once), once)
      const { metadata, spec: kept, ...rest } = once as KubeObject & { spec: Record<string, unknown> }
      assert.equal(metadata.labels?.['app'], own['app'])
      assert.deepEqual(kept['accessModes'], given.accessModes)
      assert.deepEqual(rest, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', status: { phase } })
    }),
  )
})

test('secrets, pods, accounts and definitions are stored as they are', () => {
  for (const [plural, kind] of [
    ['secrets', 'Secret'],
    ['pods', 'Pod'],
    ['serviceaccounts', 'ServiceAccount'],
    ['customresourcedefinitions', 'CustomResourceDefinition'],
    ['persistentvolumes', 'PersistentVolume'],
  ] as const) {
    const metadata = { name: 'a', labels: { 'velero.io/restore-name': 'r' }, managedFields: [{}] }
    const object: KubeObject = { apiVersion: 'v1', kind, metadata, data: { k: 'dg==' }, status: { phase: 'Bound' } }
    assert.equal(clean(plural, object), object)
  }
})
