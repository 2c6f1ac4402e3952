import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import type { KubeObject } from '#kube/object.ts'
import { chooseGroupClass } from './group-class.ts'

const driver = 'disk.example.com'
const labelled = { 'velero.io/csi-volumegroupsnapshot-class': 'true' }

function groupClass(name: string, labels: Record<string, string> = {}, ofDriver = driver): KubeObject {
  const kind = 'VolumeGroupSnapshotClass'
  return { apiVersion: 'groupsnapshot.storage.k8s.io/v1', kind, metadata: { name, labels }, driver: ofDriver }
}

function claim(name: string, groupClassName?: string): KubeObject {
  const annotations = groupClassName && { 'velero.io/csi-volume-group-snapshot-class': groupClassName }
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, ...(annotations && { annotations }) } }
}

suite('the class of a volume group', () => {
  const all = [groupClass('plain'), groupClass('chosen', labelled), groupClass('else', labelled, 'other.example.com')]

  test('is what a member names, then what the Backup names, then the labelled one of the driver', () => {
    const annotations = { [`velero.io/csi-volumegroupsnapshot-class_${driver}`]: 'plain' }
    const wishes = { claims: [claim('a'), claim('b', 'chosen')], annotations }
    assert.deepEqual(chooseGroupClass(all, driver, wishes), { class: 'chosen' })
    assert.deepEqual(chooseGroupClass(all, driver, { claims: [claim('a')], annotations }), { class: 'plain' })
    const none = { claims: [claim('a')], annotations: undefined }
    assert.deepEqual(chooseGroupClass(all, driver, none), { class: 'chosen' })
  })

  test('is a problem where none or several are labelled, or the named one is not of the driver', () => {
    const none = { claims: [claim('a')], annotations: undefined }
    assert.match(problemOf(chooseGroupClass([groupClass('plain')], driver, none)), /no VolumeGroupSnapshotClass of/)
    const two = [groupClass('one', labelled), groupClass('two', labelled)]
    assert.match(problemOf(chooseGroupClass(two, driver, none)), /several .*: one, two/)
    const named = { claims: [claim('a', 'else')], annotations: undefined }
    assert.match(problemOf(chooseGroupClass(all, driver, named)), /else, which claim a names, is not one of driver/)
  })

  test('is always one of the driver, whatever is named', () => {
    const names = fc.constantFrom('plain', 'chosen', 'else', 'nowhere', '')
    fc.assert(
      fc.property(names, names, (byClaim, byBackup) => {
        const annotations = { [`velero.io/csi-volumegroupsnapshot-class_${driver}`]: byBackup }
        const choice = chooseGroupClass(all, driver, { claims: [claim('a', byClaim)], annotations })
        assert.ok('problem' in choice || ['plain', 'chosen'].includes(choice.class))
      }),
    )
  })
})

function problemOf(choice: ReturnType<typeof chooseGroupClass>): string {
  return 'problem' in choice ? choice.problem : ''
}
