import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Tag } from '@aws-sdk/client-ec2'
import { ebsSnapshotter } from '#volumes/ebs.ts'
import type { VolumeSnapshotter } from '#volumes/snapshotter.ts'
import { ec2Env, ec2Server, region, type Ec2Server } from '../support/moto.ts'

let ec2: Ec2Server
let ebs: VolumeSnapshotter

before(async () => {
  ec2 = await ec2Server()
  ebs = await opened()
})

after(async () => {
  await ebs?.close()
  await ec2?.[Symbol.asyncDispose]()
})

const tagsOf = (tagged: { Tags?: Tag[] | undefined } | undefined): Record<string, string> =>
  Object.fromEntries((tagged?.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value]))

function opened(env: Record<string, string> = {}): Promise<VolumeSnapshotter> {
  return ebsSnapshotter({ config: { region }, env: { ...ec2Env, AWS_ENDPOINT_URL_EC2: ec2.endpoint, ...env } })
}

test('a snapshot has the tags of the backup, and of its volume those that the backup does not say itself', async () => {
  const Tags = [
    { Key: 'team', Value: 'shop' },
    { Key: 'velero.io/backup', Value: 'an-older-one' },
  ]
  const volumeId = await ec2.makeVolume({ TagSpecifications: [{ ResourceType: 'volume', Tags }] })
  const snapshotId = await ebs.take({ volumeId, tags: { 'velero.io/backup': 'nightly', 'velero.io/pv': 'pv-1' } })
  const made = (await ec2.snapshots()).find(({ SnapshotId }) => SnapshotId === snapshotId)
  const { 'lifeboat.dev/iops': _, 'lifeboat.dev/throughput': __, ...tags } = tagsOf(made)
  assert.deepEqual(tags, { team: 'shop', 'velero.io/backup': 'nightly', 'velero.io/pv': 'pv-1' })
  assert.equal(made?.VolumeId, volumeId)
  assert.deepEqual(await ebs.tagged({ 'velero.io/backup': 'nightly' }), [snapshotId])
  assert.deepEqual(await ebs.tagged({ 'velero.io/backup': 'nightly', 'velero.io/pv': 'pv-2' }), [])
})

test("a volume comes back from its snapshot with its type, the IOPS and throughput somebody chose, encryption and tags, and as its own cluster's", async () => {
  const Tags = [
    { Key: 'KubernetesCluster', Value: 'old' },
    { Key: 'kubernetes.io/cluster/old', Value: 'owned' },
    { Key: 'team', Value: 'shop' },
  ]
  const volumeId = await ec2.makeVolume({
    VolumeType: 'gp3',
    Iops: 4000,
    Throughput: 300,
    Encrypted: true,
    TagSpecifications: [{ ResourceType: 'volume', Tags }],
  })
  const features = await ebs.features(volumeId)
  assert.deepEqual(features, { type: 'gp3', iops: undefined }, 'as Velero records it')
  const snapshotId = await ebs.take({ volumeId, tags: { 'velero.io/backup': 'b' } })
  await using own = { ebs: await opened({ AWS_CLUSTER_NAME: 'new' }), [Symbol.asyncDispose]: () => own.ebs.close() }
  const id = await own.ebs.restore({ ...features, snapshotId, zone: `${region}b`, token: 'one' })
  const made = await ec2.volume(id)
  assert.notEqual(id, volumeId)
  assert.equal(made?.SnapshotId, snapshotId)
  assert.equal(made?.VolumeType, 'gp3')
  assert.equal(made?.AvailabilityZone, `${region}b`)
  assert.equal(made?.Encrypted, true)
  assert.deepEqual(tagsOf(made), {
    team: 'shop',
    'velero.io/backup': 'b',
    KubernetesCluster: 'new',
    'kubernetes.io/cluster/new': 'owned',
  })
  assert.equal(made?.Iops, 4000)
  assert.equal(made?.Throughput, 300)
})

test('IOPS of volume types that are sold by them are recorded and wanted again', async () => {
  const volumeId = await ec2.makeVolume({ VolumeType: 'io2', Iops: 900 })
  const features = await ebs.features(volumeId)
  assert.deepEqual(features, { type: 'io2', iops: 900 })
  const snapshotId = await ebs.take({ volumeId, tags: {} })
  const id = await ebs.restore({ ...features, snapshotId, zone: `${region}a`, token: 'two' })
  assert.equal((await ec2.volume(id))?.Iops, 900)
})

test('deleting a snapshot twice is the same as once', async () => {
  const snapshotId = await ebs.take({ volumeId: await ec2.makeVolume(), tags: {} })
  await ebs.delete(snapshotId)
  await ebs.delete(snapshotId)
  assert.ok(!(await ec2.snapshots()).some(({ SnapshotId }) => SnapshotId === snapshotId))
})

test('what is not there is named, with where to look', async () => {
  await assert.rejects(ebs.features('vol-0123456789abcdef0'), {
    problem: 'missing',
    message: /vol-0123456789abcdef0.*region/,
  })
  const lost = ebs.restore({
    type: 'gp3',
    iops: undefined,
    snapshotId: 'snap-0123456789abcdef0',
    zone: 'a',
    token: 't',
  })
  await assert.rejects(lost, { problem: 'missing', message: /snap-0123456789abcdef0/ })
})

test('a location without region, with a key that nobody knows, or with a profile that its credentials lack is refused before anything is asked', async () => {
  const env = { ...ec2Env }
  await assert.rejects(ebsSnapshotter({ config: {}, env }), {
    problem: 'invalid',
    message: /config\.region is missing/,
  })
  await assert.rejects(ebsSnapshotter({ config: { region, zone: 'a' }, env }), {
    problem: 'invalid',
    message: /zone, which is not known/,
  })
  const credentials = '[default]\naws_access_key_id = A\naws_secret_access_key = B\n'
  await assert.rejects(ebsSnapshotter({ config: { region, profile: 'prod' }, credentials, env }), {
    problem: 'denied',
    message: /no profile "prod"/,
  })
})
