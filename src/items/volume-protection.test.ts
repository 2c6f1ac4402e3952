import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import type { Backup, BackupSpec } from '#api/backup.ts'
import type { KubeObject } from '#kube/object.ts'
import type { VolumePolicy } from '#selection/resource-policies.ts'
import { protectVolume, type VolumeProtection, type VolumeQuestion } from './volume-protection.ts'

const driver = 'disk.example.com'

function backup(spec: BackupSpec = {}): Backup {
  return { apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name: 'nightly' }, spec }
}

function claim(phase = 'Bound'): KubeObject {
  const metadata = { name: 'data', namespace: 'shop' }
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata,
    spec: { volumeName: 'pv-1' },
    status: { phase },
  }
}

function volume(source: Record<string, unknown> = { csi: { driver } }): KubeObject {
  return { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'pv-1' }, spec: source }
}

function pod(annotations: Record<string, string>): KubeObject {
  const volumes = [
    { name: 'disk', persistentVolumeClaim: { claimName: 'data' } },
    { name: 'tmp', emptyDir: {} },
  ]
  const metadata = { name: 'db-0', namespace: 'shop', annotations }
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { volumes } }
}

function snapshotClass(name: string): KubeObject {
  const kind = 'VolumeSnapshotClass'
  return { apiVersion: 'snapshot.storage.k8s.io/v1', kind, metadata: { name }, driver, deletionPolicy: 'Retain' }
}

function policy(type: VolumePolicy['action']['type']): VolumePolicy[] {
  return [{ conditions: {}, action: { type } }]
}

function decide(change: Partial<VolumeQuestion> & { spec?: BackupSpec } = {}): VolumeProtection {
  const { spec, ...rest } = change
  return protectVolume({
    claim: claim(),
    volume: volume(),
    pods: [],
    backup: backup(spec),
    policies: [],
    snapshotClasses: [snapshotClass('fast')],
    ...rest,
  })
}

function reasonOf(protection: VolumeProtection): string {
  return protection.by === 'nothing' ? `${protection.severity} ${protection.reason}` : protection.by
}

suite('the data of a volume', () => {
  test('of a CSI driver with a class are snapshotted', () => {
    assert.deepEqual(decide(), { by: 'csi-snapshot', driver, snapshotClass: 'fast', deletionPolicy: 'Retain' })
  })

  test('stay out when a policy or the backup says so, whatever pods want', () => {
    const pods = [pod({ 'backup.velero.io/backup-volumes': 'disk' })]
    assert.equal(reasonOf(decide({ pods, policies: policy('skip') })), 'info policy-skip')
    assert.equal(reasonOf(decide({ pods, policies: policy('custom') })), 'info policy-custom')
    assert.equal(reasonOf(decide({ spec: { snapshotVolumes: false } })), 'info snapshots-off')
  })

  test('are snapshotted for a policy although the backup wants no snapshots', () => {
    const policies = policy('snapshot')
    assert.equal(decide({ policies, spec: { snapshotVolumes: false } }).by, 'csi-snapshot')
  })

  test('are an error when files are to be copied: by policy, by annotation, by default unless excluded', () => {
    assert.equal(reasonOf(decide({ policies: policy('fs-backup') })), 'error file-copy')
    const wanted = [pod({ 'backup.velero.io/backup-volumes': 'tmp, disk' })]
    assert.equal(reasonOf(decide({ pods: wanted })), 'error file-copy')
    const spec = { defaultVolumesToFsBackup: true }
    assert.equal(reasonOf(decide({ pods: [pod({})], spec })), 'error file-copy')
    const excluded = [pod({ 'backup.velero.io/backup-volumes-excludes': 'disk' })]
    assert.equal(decide({ pods: excluded, spec }).by, 'csi-snapshot')
    // Each annotation speaks only where the other default holds.
    assert.equal(decide({ pods: excluded }).by, 'csi-snapshot')
    assert.equal(reasonOf(decide({ pods: excluded.concat(wanted) })), 'error file-copy')
  })

  test('are an error when they are to be moved', () => {
    assert.equal(reasonOf(decide({ spec: { snapshotMoveData: true } })), 'error data-movement')
  })

  test('are not there while the claim is pending, and gone when it is lost', () => {
    assert.equal(reasonOf(decide({ claim: claim('Pending'), volume: undefined })), 'warning claim-pending')
    assert.equal(reasonOf(decide({ claim: claim('Lost'), volume: undefined })), 'error claim-lost')
    assert.equal(reasonOf(decide({ volume: undefined })), 'error volume-missing')
    const policies = policy('snapshot')
    assert.equal(reasonOf(decide({ claim: claim('Pending'), volume: undefined, policies })), 'warning claim-pending')
  })

  test('without a class are a warning, and an error when snapshots were asked for', () => {
    assert.equal(reasonOf(decide({ snapshotClasses: [] })), 'warning no-snapshot-class')
    assert.equal(reasonOf(decide({ snapshotClasses: [], spec: { snapshotVolumes: true } })), 'error no-snapshot-class')
    assert.equal(reasonOf(decide({ snapshotClasses: [], policies: policy('snapshot') })), 'error no-snapshot-class')
  })

  test('with two classes that nothing tells apart are an error that names them', () => {
    const protection = decide({ snapshotClasses: [snapshotClass('fast'), snapshotClass('slow')] })
    assert.equal(reasonOf(protection), 'error several-snapshot-classes')
    assert.match(protection.by === 'nothing' ? protection.text : '', /fast, slow/)
  })

  test('of other kinds, or of a cluster without CSI snapshots, are for native snapshots where a location is', () => {
    const spec = { volumeSnapshotLocations: ['aws'] }
    const hostPath = volume({ hostPath: { path: '/data' } })
    assert.equal(decide({ volume: hostPath, spec }).by, 'native-snapshot')
    assert.equal(decide({ snapshotClasses: undefined, spec }).by, 'native-snapshot')
    assert.equal(decide({ snapshotClasses: [], spec }).by, 'native-snapshot')
    assert.equal(decide({ claim: undefined, spec }).by, 'native-snapshot')
    assert.equal(decide({ spec }).by, 'csi-snapshot')
    assert.equal(reasonOf(decide({ volume: hostPath })), 'warning no-snapshots')
    assert.equal(reasonOf(decide({ snapshotClasses: undefined })), 'warning no-snapshots')
  })

  test('always get a way in or a reason, and without being asked for nothing is an error but what cannot be told', () => {
    const phases = fc.constantFrom('Bound', 'Pending', 'Lost')
    const actions = fc.constantFrom(undefined, 'skip', 'snapshot', 'custom', 'fs-backup')
    const question = fc.record({
      phase: phases,
      action: actions,
      classes: fc.constantFrom(undefined, 0, 1, 2),
      csi: fc.boolean(),
      spec: fc.record({
        snapshotVolumes: fc.constantFrom(undefined, null, true, false),
        snapshotMoveData: fc.boolean(),
        defaultVolumesToFsBackup: fc.boolean(),
      }),
    })
    fc.assert(
      fc.property(question, ({ phase, action, classes, csi, spec }) => {
        const protection = decide({
          claim: claim(phase),
          volume: phase === 'Bound' ? volume(csi ? undefined : { nfs: { server: 'a', path: '/' } }) : undefined,
          policies: action === undefined ? [] : policy(action),
          snapshotClasses:
            classes === undefined
              ? undefined
              : Array.from({ length: classes }, (_, index) => snapshotClass(`c-${index}`)),
          pods: [pod({})],
          spec,
        })
        if (protection.by === 'csi-snapshot') assert.ok(phase === 'Bound' && csi && classes === 1)
        if (protection.by === 'nothing') assert.ok(protection.text.length > 0)
        if (action === 'skip') assert.equal(reasonOf(protection), 'info policy-skip')
        if (
          spec.snapshotVolumes === false &&
          action === undefined &&
          phase === 'Bound' &&
          !spec.defaultVolumesToFsBackup
        )
          assert.equal(reasonOf(protection), 'info snapshots-off')
      }),
    )
  })
})
