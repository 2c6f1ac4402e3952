import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import type { KubeObject } from '#kube/object.ts'
import { chooseSnapshotClass } from './snapshot-class.ts'

const driver = 'Disk.example.com'

interface ClassParts {
  labels?: Record<string, string>
  annotations?: Record<string, string>
  of?: string
}

function snapshotClass(name: string, { labels, annotations, of = driver }: ClassParts = {}): KubeObject {
  const metadata = { name, labels, annotations }
  return { apiVersion: 'snapshot.storage.k8s.io/v1', kind: 'VolumeSnapshotClass', metadata, driver: of }
}

function claim(annotations: Record<string, string> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data', namespace: 'shop', annotations } }
}

const none = { claim: claim(), annotations: undefined }
const labelled = snapshotClass('labelled', { labels: { 'velero.io/csi-volumesnapshot-class': '' } })
const byDefault = snapshotClass('by-default', {
  annotations: { 'snapshot.storage.kubernetes.io/is-default-class': 'false' },
})
const plain = snapshotClass('plain')

suite('the class of a snapshot', () => {
  test('is the one the claim names, in whatever case, before the one the backup names', () => {
    const wishes = {
      claim: claim({ 'velero.io/csi-volumesnapshot-class': 'PLAIN' }),
      annotations: { 'velero.io/csi-volumesnapshot-class_disk.example.com': 'by-default' },
    }
    assert.deepEqual(chooseSnapshotClass([labelled, byDefault, plain], driver, wishes), { class: 'plain' })
    const ofBackup = { ...wishes, claim: claim() }
    assert.deepEqual(chooseSnapshotClass([labelled, byDefault, plain], driver, ofBackup), { class: 'by-default' })
  })

  test('is the labelled one, then the default, then the only one', () => {
    assert.deepEqual(chooseSnapshotClass([plain, byDefault, labelled], driver, none), { class: 'labelled' })
    assert.deepEqual(chooseSnapshotClass([plain, byDefault], driver, none), { class: 'by-default' })
    assert.deepEqual(chooseSnapshotClass([plain], driver, none), { class: 'plain' })
  })

  test('is the first in name order of two that are labelled', () => {
    const labels = { 'velero.io/csi-volumesnapshot-class': 'true' }
    const two = [snapshotClass('a', { labels }), snapshotClass('b', { labels })]
    assert.deepEqual(chooseSnapshotClass(two, driver, none), { class: 'a' })
  })

  test('cannot be chosen among several that nothing tells apart, nor where there is none', () => {
    const two = [plain, snapshotClass('other')]
    assert.deepEqual(chooseSnapshotClass(two, driver, none), { problem: 'several', names: ['plain', 'other'] })
    assert.deepEqual(chooseSnapshotClass([], driver, none), { problem: 'none' })
  })

  test('is never one of another driver, even if it is asked for by name', () => {
    const foreign = snapshotClass('foreign', { of: 'other.example.com' })
    const wishes = { claim: claim({ 'velero.io/csi-volumesnapshot-class': 'foreign' }), annotations: undefined }
    assert.deepEqual(chooseSnapshotClass([foreign, plain], driver, wishes), { class: 'plain' })
    assert.deepEqual(chooseSnapshotClass([foreign], driver, wishes), { problem: 'none' })
  })

  test('is one of the driver whenever one is chosen, and one is chosen where there is only one', () => {
    const flag = fc.boolean()
    const parts = fc.record({ labelled: flag, isDefault: flag, foreign: flag })
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 6 }), fc.option(fc.nat(6)), (list, wanted) => {
        const classes = list.map(({ labelled: has, isDefault, foreign }, index) =>
          snapshotClass(`class-${index}`, {
            ...(has ? { labels: { 'velero.io/csi-volumesnapshot-class': 'true' } } : {}),
            ...(isDefault ? { annotations: { 'snapshot.storage.kubernetes.io/is-default-class': 'true' } } : {}),
            ...(foreign ? { of: 'other.example.com' } : {}),
          }),
        )
        const own = classes.filter((one) => one['driver'] === driver).map(({ metadata }) => metadata.name)
        const asked = wanted === null ? {} : { 'velero.io/csi-volumesnapshot-class': `class-${wanted}` }
        const choice = chooseSnapshotClass(classes, driver, { claim: claim(asked), annotations: {} })
        if ('class' in choice) assert.ok(own.includes(choice.class))
        else assert.ok(own.length !== 1)
      }),
    )
  })
})
