import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { KubeObject } from '#kube/object.ts'
import { prepareForRestore, type Prepared } from '../restore-step.ts'
import type { RestoreContext } from '../restore-context.ts'
import { restoredSnapshotName, type SnapshotContext } from './csi-snapshot.ts'

const snapshots: SnapshotContext = {
  restoreId: '7d0a',
  wanted: true,
  classes: new Map([['disk.example.com', 'fast']]),
}

function context(change: Partial<RestoreContext> = {}): RestoreContext {
  return {
    backupName: 'nightly',
    restoreName: 'back',
    namespaceMapping: { shop: 'copy' },
    volumes: new Map(),
    snapshots,
    liveServiceAccounts: new Set(),
    restoresStatus: () => false,
    ...change,
  }
}

const claim: KubeObject = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: {
    name: 'data',
    namespace: 'shop',
    annotations: { 'velero.io/volume-snapshot-name': 'velero-data-1' },
  },
  spec: { volumeName: 'pv-1', storageClassName: 'fast', dataSourceRef: { kind: 'PersistentVolumeClaim', name: 'old' } },
  status: { phase: 'Bound' },
}

const snapshot: KubeObject = {
  apiVersion: 'snapshot.storage.k8s.io/v1',
  kind: 'VolumeSnapshot',
  metadata: { name: 'velero-data-1', namespace: 'shop', labels: { app: 'db' } },
  spec: { source: { persistentVolumeClaimName: 'data' }, volumeSnapshotClassName: 'slow' },
  status: { boundVolumeSnapshotContentName: 'snapcontent-1', readyToUse: true },
}

const content: KubeObject = {
  apiVersion: 'snapshot.storage.k8s.io/v1',
  kind: 'VolumeSnapshotContent',
  metadata: { name: 'snapcontent-1' },
  spec: {
    deletionPolicy: 'Delete',
    driver: 'disk.example.com',
    source: { volumeHandle: 'vol-1' },
    sourceVolumeMode: 'Filesystem',
    volumeSnapshotClassName: 'slow',
    volumeSnapshotRef: {
      kind: 'VolumeSnapshot',
      name: 'velero-data-1',
      namespace: 'shop',
      uid: 'u',
      resourceVersion: '7',
    },
  },
  status: { snapshotHandle: 'snap-1', readyToUse: true },
}

const named = restoredSnapshotName(snapshots, 'velero-data-1')

function restored(object: KubeObject, change: Partial<RestoreContext> = {}): Prepared {
  const resources: Record<string, string> = {
    PersistentVolumeClaim: 'persistentvolumeclaims',
    VolumeSnapshot: 'volumesnapshots.snapshot.storage.k8s.io',
    VolumeSnapshotContent: 'volumesnapshotcontents.snapshot.storage.k8s.io',
    VolumeSnapshotClass: 'volumesnapshotclasses.snapshot.storage.k8s.io',
  }
  return prepareForRestore({ resource: resources[object.kind] ?? '', object }, context(change))
}

function created(object: KubeObject, change: Partial<RestoreContext> = {}): Extract<Prepared, { do: 'create' }> {
  const prepared = restored(object, change)
  assert.equal(prepared.do, 'create')
  return prepared as Extract<Prepared, { do: 'create' }>
}

suite('a volume from a CSI snapshot', () => {
  test('fills its claim from the snapshot that comes back with it, under a name that only this restore has', () => {
    const { object, related } = created(claim)
    assert.deepEqual(object['spec'], {
      storageClassName: 'fast',
      dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: named },
    })
    assert.match(named, /^[0-9a-f]{64}$/)
    const wanted = { resource: 'volumesnapshots.snapshot.storage.k8s.io', namespace: 'shop', name: 'velero-data-1' }
    assert.ok(related.some((ref) => JSON.stringify(ref) === JSON.stringify(wanted)))
    assert.notEqual(named, restoredSnapshotName({ ...snapshots, restoreId: 'other' }, 'velero-data-1'))
  })

  test('binds snapshot and content to each other where they come, and to a class of the target', () => {
    const one = created(snapshot)
    assert.equal(one.object.metadata.name, named)
    assert.equal(one.object.metadata.namespace, 'copy')
    assert.deepEqual(one.object['spec'], { source: { volumeSnapshotContentName: named } })
    assert.deepEqual(
      one.related.map(({ name }) => name),
      ['snapcontent-1'],
    )
    const other = created(content)
    assert.equal(other.object.metadata.name, named)
    assert.deepEqual(other.object['spec'], {
      deletionPolicy: 'Retain',
      driver: 'disk.example.com',
      source: { snapshotHandle: 'snap-1' },
      sourceVolumeMode: 'Filesystem',
      volumeSnapshotClassName: 'fast',
      volumeSnapshotRef: { kind: 'VolumeSnapshot', name: named, namespace: 'copy' },
    })
    const classless = created(content, { snapshots: { ...snapshots, classes: new Map() } })
    assert.ok(!('volumeSnapshotClassName' in (classless.object['spec'] as object)))
  })

  test('comes back empty when no volumes are wanted, and nothing of snapshots with it', () => {
    const none = { snapshots: { ...snapshots, wanted: false } }
    assert.deepEqual(created(claim, none).object['spec'], { storageClassName: 'fast' })
    for (const object of [snapshot, content, { ...content, kind: 'VolumeSnapshotClass' }])
      assert.deepEqual(restored(object, none), { do: 'skip', reason: 'snapshot-not-wanted' })
  })

  test('is refused where the cluster serves no snapshots: an empty volume would look like success', () => {
    const prepared = restored(claim, { snapshots: { ...snapshots, classes: undefined } })
    assert.equal(prepared.do, 'fail')
  })

  test('cannot come from a snapshot that does not say what it stands for', () => {
    assert.equal(restored({ ...snapshot, status: {} }).do, 'fail')
    assert.equal(restored({ ...content, status: {} }).do, 'fail')
  })

  test('is not taken from a snapshot whose data were moved away', () => {
    const moved = structuredClone(claim)
    moved.metadata.annotations = { ...moved.metadata.annotations, 'velero.io/data-upload-name': 'velero/du-1' }
    assert.ok(!('dataSource' in (created(moved).object['spec'] as object)))
  })
})
