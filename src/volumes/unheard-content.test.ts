import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { VolumeSnapshotContent } from './snapshot-types.ts'
import { isHeard } from './unheard-content.ts'

const content = (more: Partial<VolumeSnapshotContent> = {}): VolumeSnapshotContent => ({
  apiVersion: 'snapshot.storage.k8s.io/v1',
  kind: 'VolumeSnapshotContent',
  metadata: { name: 'snapcontent-1' },
  spec: { driver: 'disk.example.com', source: { volumeHandle: 'vol-1' } },
  ...more,
})

test('a content that the controller has made and nobody has looked at since is unheard', () => {
  assert.equal(isHeard(content()), false)
})

test('one that a driver is asked about, has answered about or refused, or that stands for a snapshot which is there, is heard', () => {
  const annotations = { 'snapshot.storage.kubernetes.io/volumesnapshot-being-created': 'yes' }
  assert.ok(isHeard(content({ metadata: { name: 'snapcontent-1', annotations } })))
  assert.ok(isHeard(content({ status: { snapshotHandle: 'snap-1' } })))
  assert.ok(isHeard(content({ status: { error: { message: 'no room' } } })))
  assert.ok(isHeard(content({ spec: { driver: 'disk.example.com', source: { snapshotHandle: 'snap-1' } } })))
})
