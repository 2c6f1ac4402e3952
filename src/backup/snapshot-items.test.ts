import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import type { Backup } from '#api/backup.ts'
import type { KubeObject } from '#kube/object.ts'
import type { VolumeSnapshot, VolumeSnapshotContent } from '#volumes/snapshot-types.ts'
import {
  claimWithSnapshot,
  identityOf,
  marksOf,
  marksOfContent,
  snapshotMarks,
  snapshotOrder,
  storedContent,
  storedSnapshot,
} from './snapshot-items.ts'

const store = 's3://backups'

function backup(change: { name?: string; uid?: string; startTimestamp?: string } = {}): Backup {
  const { name = 'nightly', uid = 'b-1', startTimestamp = '2026-01-01T00:00:00Z' } = change
  const metadata = { name, namespace: 'velero', uid }
  return { apiVersion: 'velero.io/v1', kind: 'Backup', metadata, spec: {}, status: { startTimestamp } }
}

function claim(change: { name?: string; uid?: string; storage?: string } = {}): KubeObject {
  const { name = 'data', uid = 'c-1', storage = '1Gi' } = change
  const metadata = { name, namespace: 'shop', uid, labels: { app: 'db' } }
  const spec = { resources: { requests: { storage } } }
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec }
}

function order(of: Backup, wanted: KubeObject) {
  const identity = identityOf(of, { store, started: '' })
  return snapshotOrder(wanted, {
    identity,
    backupName: of.metadata.name,
    snapshotClass: 'fast',
    deletionPolicy: 'Delete',
  })
}

const identity = identityOf(backup(), { store, started: '' })
const snapshot: VolumeSnapshot = {
  apiVersion: 'snapshot.storage.k8s.io/v1',
  kind: 'VolumeSnapshot',
  metadata: {
    name: 'velero-data-1',
    namespace: 'shop',
    annotations: { [snapshotMarks.run]: identity.run, [snapshotMarks.backup]: identity.backup, team: 'a' },
  },
  spec: { source: { persistentVolumeClaimName: 'data' } },
  status: { restoreSize: '2Gi' },
}
const content: VolumeSnapshotContent = {
  apiVersion: 'snapshot.storage.k8s.io/v1',
  kind: 'VolumeSnapshotContent',
  metadata: { name: 'snapcontent-1' },
  spec: { driver: 'disk.example.com', deletionPolicy: 'Delete' },
  status: { snapshotHandle: 'snap-1' },
}

suite('the snapshot of a claim', () => {
  test('has the same name however often it is asked for, and another one for another claim, backup, start or store', () => {
    const { name } = order(backup(), claim())
    assert.equal(order(backup(), claim()).name, name)
    assert.match(name, /^velero-data-[0-9a-f]{10}$/)
    const others = [
      order(backup(), claim({ uid: 'c-2' })),
      order(backup({ uid: 'b-2' }), claim()),
      order(backup({ startTimestamp: '2026-01-02T00:00:00Z' }), claim()),
    ]
    assert.equal(new Set([name, ...others.map((one) => one.name)]).size, 4)
    assert.notEqual(identityOf(backup(), { store: 's3://others', started: '' }).backup, identity.backup)
  })

  test('has a name and labels that the API server takes, however long those of claim and backup are', () => {
    const names = fc.stringMatching(/^[a-z0-9]{1,253}$/)
    fc.assert(
      fc.property(names, names, (ofClaim, ofBackup) => {
        const made = order(backup({ name: ofBackup }), claim({ name: ofClaim }))
        assert.ok(made.name.length <= 253)
        for (const value of Object.values(made.labels)) assert.ok(value.length <= 63)
      }),
    )
  })

  test('is named by the stored claim, which asks for room enough', () => {
    const stored = claimWithSnapshot(claim(), { snapshot, content }, 'nightly')
    assert.equal(stored.metadata.annotations?.['velero.io/volume-snapshot-name'], 'velero-data-1')
    assert.equal(stored.metadata.labels?.['velero.io/backup-name'], 'nightly')
    assert.deepEqual(stored['spec'], { resources: { requests: { storage: '2Gi' } } })
    const large = claimWithSnapshot(claim({ storage: '3Gi' }), { snapshot, content }, 'nightly')
    assert.deepEqual(large['spec'], { resources: { requests: { storage: '3Gi' } } })
  })

  test('is stored with what a restore has to know, and without the marks of the run that made it', () => {
    assert.deepEqual(storedSnapshot({ snapshot, content }).metadata.annotations, {
      team: 'a',
      'velero.io/csi-vsc-deletion-policy': 'Delete',
      'velero.io/csi-volumesnapshot-handle': 'snap-1',
      'velero.io/csi-driver-name': 'disk.example.com',
      'velero.io/csi-volumesnapshot-restore-size': '2Gi',
    })
    const { keeping } = order(backup(), claim())
    const metadata = { ...content.metadata, labels: keeping?.labels, annotations: keeping?.annotations }
    const kept = { ...content, metadata } as VolumeSnapshotContent
    assert.deepEqual(storedContent({ snapshot, content: kept }, 'nightly'), {
      ...content,
      metadata: { name: 'snapcontent-1', labels: { 'velero.io/backup-name': 'nightly' } },
    })
  })

  test('counts as one that a backup takes only while it is made of a claim', () => {
    assert.deepEqual(marksOf(snapshot), { run: identity.run, backup: identity.backup })
    assert.equal(marksOf({ ...snapshot, spec: { source: { volumeSnapshotContentName: 'x' } } }), undefined)
    assert.equal(marksOf(storedSnapshot({ snapshot, content })), undefined)
    const { labels, annotations } = order(backup(), claim()).keeping ?? assert.fail()
    assert.deepEqual(labels, { [snapshotMarks.backup]: identity.backup })
    const of = (source: object): VolumeSnapshotContent => ({
      ...content,
      metadata: { name: 'c', annotations },
      spec: { source },
    })
    assert.deepEqual(marksOfContent(of({ volumeHandle: 'vol-1' })), { run: identity.run, backup: identity.backup })
    assert.equal(marksOfContent(of({ snapshotHandle: 'snap-1' })), undefined)
  })
})
