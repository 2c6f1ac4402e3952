import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { Backups } from '#api/backup.ts'
import { DeleteBackupRequests } from '#api/delete-backup-request.ts'
import { decodeVolumeInfo } from '#archive/volume-info.ts'
import type { KubeClient } from '#kube/client.ts'
import { snapshotLocations } from '#controllers/snapshot-locations.ts'
import { deletePrefix } from '#store/delete-prefix.ts'
import { backupKey, restoreKey, restorePrefix } from '#store/layout.ts'
import { bringBack } from './restore-order.ts'
import { ebsBench, type EbsBench } from '../support/ebs-bench.ts'
import { bound, deleteVolumes, volumeIdOf } from '../support/ebs-site.ts'
import { region, type Ec2Server } from '../support/moto.ts'
import { Claims, ConfigMaps, make, Namespaces, Volumes } from '../support/objects.ts'
import { eventually } from '../support/server.ts'

const limit = { timeout: 180_000 }

let bench: EbsBench
let kube: KubeClient
let ec2: Ec2Server
before(async () => {
  bench = await ebsBench()
  ;({ kube, ec2 } = bench)
})
after(() => bench?.[Symbol.asyncDispose]())

test(
  'EBS volumes are snapshotted by the provider, come back as new volumes with their data, and their snapshots go with the backup',
  limit,
  async () => {
    await using home = await bench.site()
    const { app, server, store } = home
    const data = await home.claim('data', { volumeType: 'io2' })
    const old = await home.claim('old', { inTree: true })
    const { status, errors, warnings } = await home.backUp('b')
    assert.deepEqual([status.phase, errors, warnings], ['Completed', [], []])
    assert.deepEqual([status.volumeSnapshotsAttempted, status.volumeSnapshotsCompleted], [2, 2])

    const natives = await home.natives('b')
    const taken = await ec2.snapshots()
    const snapshotOf = (volumeId: string) => taken.find(({ VolumeId }) => VolumeId === volumeId)?.SnapshotId
    const { uid } = (await kube.get(Backups, 'b', { namespace: server })).metadata
    const spec = { backupName: 'b', backupUID: uid, location: 'ebs', volumeAZ: `${region}a` }
    const completed = (providerSnapshotID?: string) => ({ providerSnapshotID, phase: 'Completed' })
    assert.deepEqual(natives, [
      {
        spec: {
          ...spec,
          persistentVolumeName: `${app}-data`,
          providerVolumeID: data,
          volumeType: 'io2',
          volumeIOPS: 700,
        },
        status: completed(snapshotOf(data)),
      },
      {
        spec: { ...spec, persistentVolumeName: `${app}-old`, providerVolumeID: old, volumeType: 'gp3' },
        status: completed(snapshotOf(old)),
      },
    ])
    const infos = await decodeVolumeInfo(await store.get(backupKey('b', 'volume-info')))
    assert.deepEqual(
      infos.find(({ pvcName }) => pvcName === 'data'),
      {
        pvcName: 'data',
        pvcNamespace: app,
        pvName: `${app}-data`,
        backupMethod: 'NativeSnapshot',
        snapshotDataMoved: false,
        preserveLocalSnapshot: false,
        skipped: false,
        result: 'succeeded',
        nativeSnapshotInfo: {
          snapshotHandle: snapshotOf(data),
          volumeType: 'io2',
          volumeAZ: `${region}a`,
          iops: '700',
          Phase: 'Completed',
        },
        pvInfo: { reclaimPolicy: 'Retain', labels: null },
      },
    )

    await home.lose()
    assert.deepEqual(await home.restore('r', { backupName: 'b' }), { phase: 'Completed', errors: [] })
    for (const [name, before] of [
      ['data', data],
      ['old', old],
    ] as const) {
      const volume = await bound(kube, { namespace: app, name })
      assert.equal(volume.metadata.name, `${app}-${name}`)
      const id = /vol-.*/.exec(volumeIdOf(volume))?.[0] ?? ''
      assert.notEqual(id, before)
      const made = await ec2.volume(id)
      assert.equal(made?.SnapshotId, snapshotOf(before))
      assert.equal(made?.AvailabilityZone, `${region}a`)
      if (name === 'data') assert.deepEqual([made?.VolumeType, made?.Iops], ['io2', 700])
    }
    const restored = await decodeVolumeInfo(await store.get(restoreKey('r', 'volume-info')))
    assert.deepEqual(restored.map(({ pvcName, restoreMethod }) => [pvcName, restoreMethod]).toSorted(), [
      ['data', 'NativeSnapshot'],
      ['old', 'NativeSnapshot'],
    ])

    const request = {
      apiVersion: 'velero.io/v1',
      kind: 'DeleteBackupRequest',
      metadata: { name: 'd' },
      spec: { backupName: 'b' },
    }
    await kube.create(DeleteBackupRequests, request as never, { namespace: server })
    await eventually(
      async () => ((await kube.find(Backups, 'b', { namespace: server })) === undefined ? true : undefined),
      60,
    )
    const left = (await ec2.snapshots()).filter(({ VolumeId }) => VolumeId === data || VolumeId === old)
    assert.deepEqual(left, [])
  },
)

test(
  'a second namespace gets volumes of its own beside those in use, under new names; the same namespace keeps those that are there',
  limit,
  async () => {
    await using home = await bench.site()
    const { app } = home
    const data = await home.claim('data')
    await home.backUp('b')
    assert.deepEqual(await home.restore('again', { backupName: 'b' }), { phase: 'Completed', errors: [] })
    assert.equal(volumeIdOf(await kube.get(Volumes, `${app}-data`)), data)

    const copy = `test-${randomBytes(5).toString('hex')}`
    const restored = await home.restore('copy', { backupName: 'b', namespaceMapping: { [app]: copy } })
    await using _copy = { [Symbol.asyncDispose]: () => kube.delete(Namespaces, copy).then(() => undefined) }
    assert.deepEqual(restored, { phase: 'Completed', errors: [] })
    const volume = await bound(kube, { namespace: copy, name: 'data' })
    assert.match(volume.metadata.name, /^velero-clone-[0-9a-f-]{36}$/)
    assert.equal(volume.metadata.annotations?.['velero.io/original-pv-name'], `${app}-data`)
    assert.notEqual(volumeIdOf(volume), data)
    await kube.delete(Claims, 'data', { namespace: copy })
    await deleteVolumes(kube, [volume.metadata.name])
  },
)

test('a location says in which zone volumes are made again, and the volume says so too', limit, async () => {
  await using home = await bench.site({ annotations: { 'lifeboat.dev/zones': `${region}a=${region}c` } })
  await home.claim('data')
  await home.backUp('b')
  await home.lose()
  assert.equal((await home.restore('r', { backupName: 'b' })).phase, 'Completed')
  const volume = await bound(kube, { namespace: home.app, name: 'data' })
  assert.equal((await ec2.volume(volumeIdOf(volume)))?.AvailabilityZone, `${region}c`)
  const { nodeAffinity } = volume['spec'] as { nodeAffinity: unknown }
  assert.deepEqual(nodeAffinity, {
    required: {
      nodeSelectorTerms: [
        { matchExpressions: [{ key: 'topology.ebs.csi.aws.com/zone', operator: 'In', values: [`${region}c`] }] },
      ],
    },
  })
})

test('with restorePVs off the volumes come back with the disks they had', limit, async () => {
  await using home = await bench.site()
  const data = await home.claim('data')
  await home.backUp('b')
  await home.lose()
  assert.equal((await home.restore('r', { backupName: 'b', restorePVs: false })).phase, 'Completed')
  assert.equal(volumeIdOf(await kube.get(Volumes, `${home.app}-data`)), data)
})

test(
  'a restore that is taken up finds the volume it has made, and makes no second one; a disk whose PersistentVolume is refused is deleted again',
  limit,
  async () => {
    await using home = await bench.site()
    await home.claim('data')
    await home.backUp('b')
    const [native] = await home.natives('b')
    const disks = async () => await ec2.volumesOf(native?.status.providerSnapshotID ?? '')
    await home.lose()
    const snapshotters = snapshotLocations(kube, { namespace: home.server, env: bench.env })
    const order = { kube, store: home.store, home: home.server, snapshotters }
    const rules = {
      version: 'v1',
      resourceModifierRules: [
        {
          conditions: { groupResource: 'persistentvolumes' },
          patches: [{ operation: 'replace', path: '/spec/capacity', value: '{"storage":"much"}' }],
        },
      ],
    }
    await make(kube, ConfigMaps, { namespace: home.server, name: 'much', data: { rules: JSON.stringify(rules) } })
    const resourceModifier = { kind: 'configmap', name: 'much' }
    const refused = await bringBack({ ...order, name: 'refused', spec: { backupName: 'b', resourceModifier } })
    assert.equal(refused.restore.status?.phase, 'PartiallyFailed')
    assert.equal(await kube.find(Volumes, `${home.app}-data`), undefined)
    assert.deepEqual(await disks(), [])
    await home.lose()

    const spec = { backupName: 'b' }
    const first = await bringBack({ ...order, name: 'cut-off', spec })
    assert.equal(first.restore.status?.phase, 'Completed')
    const made = await disks()
    assert.equal(made.length, 1)
    // As if the process had died before its end.
    await deletePrefix(home.store, restorePrefix('cut-off'))
    const again = await bringBack({ ...order, name: 'cut-off', spec, resumes: true })
    assert.deepEqual([again.restore.status?.phase, again.results.errors], ['Completed', {}])
    assert.deepEqual(await disks(), made)
    assert.equal(volumeIdOf(await kube.get(Volumes, `${home.app}-data`)), made[0])
  },
)
