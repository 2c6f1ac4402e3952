// Snapshots of EBS copied to another region, and what a restore and a deletion make of the copies.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Tag } from '@aws-sdk/client-ec2'
import { Backups } from '#api/backup.ts'
import { DeleteBackupRequests } from '#api/delete-backup-request.ts'
import { VolumeSnapshotLocations } from '#api/volume-snapshot-location.ts'
import type { KubeClient } from '#kube/client.ts'
import { ebsSnapshotter } from '#volumes/ebs.ts'
import { ebsBench, type EbsBench } from '../support/ebs-bench.ts'
import { bound, volumeIdOf } from '../support/ebs-site.ts'
import { region, type Ec2Region, type Ec2Server } from '../support/moto.ts'
import { eventually } from '../support/server.ts'

const limit = { timeout: 180_000 }
const away = 'eu-central-1'
const key = 'arn:aws:kms:eu-central-1:123456789012:key/copies'

let bench: EbsBench
let kube: KubeClient
let ec2: Ec2Server
let there: Ec2Region
before(async () => {
  bench = await ebsBench()
  ;({ kube, ec2 } = bench)
  there = ec2.inRegion(away)
})
after(() => bench?.[Symbol.asyncDispose]())

const tagsOf = ({ Tags = [] }: { Tags?: Tag[] | undefined }): Record<string, string> =>
  Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value]))

test(
  'a backup copies each snapshot to the region of its location, a restore there finds the copy, and the deletion takes both',
  limit,
  async () => {
    const annotations = { 'lifeboat.dev/copy-to-region': away, 'lifeboat.dev/copy-kms-key': key }
    await using home = await bench.site({ annotations })
    const { app, server } = home
    await home.claim('data')
    const { status, errors } = await home.backUp('b')
    assert.deepEqual([status.phase, errors], ['Completed', []])
    const [native] = await home.natives('b')
    const id = native?.status.providerSnapshotID ?? ''
    const copyOf = async () => (await there.snapshots()).filter((one) => tagsOf(one)['lifeboat.dev/copy-of'] === id)
    const [copy] = await copyOf()
    assert.equal(copy?.KmsKeyId, key)
    assert.equal(tagsOf(copy!)['velero.io/backup'], 'b')
    assert.equal((await ec2.snapshots()).filter(({ SnapshotId }) => SnapshotId === id).length, 1)

    // As the cluster in the other region has it.
    const inOther = {
      spec: { config: { region: away } },
      metadata: {
        annotations: {
          'lifeboat.dev/copy-to-region': null,
          'lifeboat.dev/copy-kms-key': null,
          'lifeboat.dev/kms-key': 'alias/ours',
        },
      },
    }
    await kube.patch(VolumeSnapshotLocations, 'ebs', { merge: inOther }, { namespace: server })
    await home.lose()
    assert.deepEqual(await home.restore('r', { backupName: 'b' }), { phase: 'Completed', errors: [] })
    const volume = await there.volume(volumeIdOf(await bound(kube, { namespace: app, name: 'data' })))
    assert.equal(volume?.SnapshotId, copy?.SnapshotId)
    assert.equal(volume?.AvailabilityZone, `${away}a`)
    assert.equal(volume?.KmsKeyId, 'alias/ours')
    assert.equal(tagsOf(volume!)['lifeboat.dev/copy-of'], undefined)

    const back = { spec: { config: { region } }, metadata: { annotations } }
    await kube.patch(VolumeSnapshotLocations, 'ebs', { merge: back }, { namespace: server })
    const metadata = { name: 'd' }
    const request = { apiVersion: 'velero.io/v1', kind: 'DeleteBackupRequest', metadata, spec: { backupName: 'b' } }
    await kube.create(DeleteBackupRequests, request as never, { namespace: server })
    await eventually(
      async () => ((await kube.find(Backups, 'b', { namespace: server })) === undefined ? true : undefined),
      60,
    )
    assert.deepEqual(await copyOf(), [])
    assert.deepEqual(
      (await ec2.snapshots()).filter(({ SnapshotId }) => SnapshotId === id),
      [],
    )
  },
)

test(
  'a copy that is refused is an error of its volume, whose snapshot stays where it is; a region that is full is waited for',
  limit,
  async () => {
    await using home = await bench.site({ annotations: { 'lifeboat.dev/copy-to-region': away } })
    await home.claim('denied')
    const before = (await there.snapshots()).length
    bench.refuse(({ action }) => (action === 'CopySnapshot' ? { code: 'InvalidKmsKey' } : undefined))
    const { status, errors } = await home.backUp('b')
    assert.equal(status.phase, 'PartiallyFailed')
    assert.equal(errors.length, 1)
    assert.match(errors[0] ?? '', /not copied.*cannot copy snapshot snap-.* to eu-central-1: the KMS key/)
    assert.equal(status.volumeSnapshotsCompleted, 1)
    await home.lose()
    assert.deepEqual(await home.restore('r', { backupName: 'b' }), { phase: 'Completed', errors: [] })
    assert.equal((await there.snapshots()).length, before)

    let refusals = 1
    bench.refuse(({ action }) =>
      action === 'CopySnapshot' && refusals-- > 0 ? { code: 'ResourceLimitExceeded' } : undefined,
    )
    const settings = { config: { region }, env: bench.env, copy: { region: away } }
    await using ebs = { own: await ebsSnapshotter(settings), [Symbol.asyncDispose]: () => ebs.own.close() }
    const id = await ebs.own.take({ volumeId: await ec2.makeVolume(), tags: {} })
    await ebs.own.copy?.(id)
    await ebs.own.copy?.(id)
    assert.equal((await there.snapshots()).length, before + 1, 'and twice is the same as once')
    await ebs.own.delete(id)
    assert.equal((await there.snapshots()).length, before)
  },
)
