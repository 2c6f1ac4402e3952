import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decideVolume } from './volume-decision.ts'

const volume = (persistentVolumeReclaimPolicy: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: 'pv' },
  spec: { persistentVolumeReclaimPolicy },
})

test('a volume whose data are in the backup is provisioned anew', () => {
  for (const backupMethod of ['PodVolumeBackup', 'CSISnapshot']) {
    assert.equal(decideVolume(volume('Retain'), { info: { backupMethod } }), 'provision-anew')
  }
})

test('a volume without data in the backup comes back as it was if it outlived its claim', () => {
  for (const info of [undefined, {}, { backupMethod: '' }]) {
    assert.equal(decideVolume(volume('Retain'), { info }), 'as-is')
    assert.equal(decideVolume(volume('Delete'), { info }), 'provision-anew')
  }
})

test('the volume behind a native snapshot does not come back itself', () => {
  assert.equal(decideVolume(volume('Retain'), { info: { backupMethod: 'NativeSnapshot' } }), 'from-native-snapshot')
})

test('who wants nothing from snapshots gets the old volume', () => {
  const info = { backupMethod: 'NativeSnapshot' }
  assert.equal(decideVolume(volume('Retain'), { info, restorePVs: false }), 'as-is')
  for (const restorePVs of [true, null, undefined])
    assert.equal(decideVolume(volume('Retain'), { info, restorePVs }), 'from-native-snapshot')
})
