import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KubeObject } from '#kube/object.ts'
import { ebsVolumeId, withEbsVolume } from './ebs-pv.ts'
import { zoneOf } from './volume-zone.ts'

function volume(spec: object, labels?: Record<string, string>): KubeObject {
  return { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'pv', ...(labels && { labels }) }, spec }
}

const csi = (volumeHandle: string, driver = 'ebs.csi.aws.com') => ({ csi: { driver, volumeHandle, fsType: 'ext4' } })
const inTree = (volumeID: string) => ({ awsElasticBlockStore: { volumeID, fsType: 'ext4' } })
const affinity = (key: string, ...values: string[]) => ({
  nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'In', values }] }] } },
})

test('a volume of EBS is known by its driver or its own field, and its id stands in either form', () => {
  assert.equal(ebsVolumeId(volume(csi('vol-1'))), 'vol-1')
  assert.equal(ebsVolumeId(volume(inTree('vol-2'))), 'vol-2')
  assert.equal(ebsVolumeId(volume(inTree('aws://eu-west-1a/vol-3'))), 'vol-3')
  assert.equal(ebsVolumeId(volume(csi('vol-4', 'efs.csi.aws.com'))), undefined)
  assert.equal(ebsVolumeId(volume({ hostPath: { path: '/x' } })), undefined)
})

test('a volume that does not say which EBS volume it is cannot be snapshotted', () => {
  assert.throws(() => ebsVolumeId(volume(inTree(''))), { name: 'SnapshotError', problem: 'invalid' })
})

test('property: a volume with another EBS volume behind it names that one, and nothing else changes', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^vol-[0-9a-f]{17}$/), fc.boolean(), (id, isCsi) => {
      const before = volume({ ...(isCsi ? csi('vol-0') : inTree('vol-0')), capacity: { storage: '1Gi' } })
      const after = withEbsVolume(before, { id, zone: '' })
      assert.equal(ebsVolumeId(after), id)
      assert.deepEqual(withEbsVolume(after, { id: 'vol-0', zone: '' }), before)
    }),
  )
})

test('an old zone label puts the zone into the id, as the in-tree driver had it', () => {
  const before = volume(inTree('aws://a/vol-1'), { 'failure-domain.beta.kubernetes.io/zone': 'a' })
  const { spec } = withEbsVolume(before, { id: 'vol-2', zone: 'a' }) as { spec?: ReturnType<typeof inTree> }
  assert.equal(spec?.awsElasticBlockStore.volumeID, 'aws://a/vol-2')
})

test('a volume that moves to another zone says so in labels and in the nodes that may use it', () => {
  const before = volume(
    { ...csi('vol-1'), ...affinity('topology.ebs.csi.aws.com/zone', 'a') },
    { 'topology.kubernetes.io/zone': 'a', app: 'a' },
  )
  const after = withEbsVolume(before, { id: 'vol-2', zone: 'b' })
  assert.deepEqual(
    after,
    volume(
      { ...csi('vol-2'), ...affinity('topology.ebs.csi.aws.com/zone', 'b') },
      { 'topology.kubernetes.io/zone': 'b', app: 'a' },
    ),
  )
})

test('the zone of a volume is that of its labels, the new one first, else that of the nodes that may use it', () => {
  const spec = affinity('topology.ebs.csi.aws.com/zone', 'c', 'd')
  const labels = { 'failure-domain.beta.kubernetes.io/zone': 'b' }
  assert.equal(zoneOf(volume(spec, { ...labels, 'topology.kubernetes.io/zone': 'a' })), 'a')
  assert.equal(zoneOf(volume(spec, labels)), 'b')
  assert.equal(zoneOf(volume(spec)), 'c')
  assert.equal(zoneOf(volume(affinity('kubernetes.io/hostname', 'n'))), '')
  const regional = ['x', 'y'].map(
    (zone) => affinity('topology.gke.io/zone', zone).nodeAffinity.required.nodeSelectorTerms[0],
  )
  assert.equal(zoneOf(volume({ nodeAffinity: { required: { nodeSelectorTerms: regional } } })), 'x__y')
})
