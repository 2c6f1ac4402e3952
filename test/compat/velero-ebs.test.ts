// Real Velero with its plug-in for AWS beside Lifeboat, both in front of one EC2 (moto): the same records, and each restores and deletes what the other made.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Tag } from '@aws-sdk/client-ec2'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { decodeVolumeInfo } from '#archive/volume-info.ts'
import { decodeVolumeSnapshots, type NativeSnapshot } from '#archive/volume-snapshots.ts'
import { snapshotLocations } from '#controllers/snapshot-locations.ts'
import { apiVersionOf, type KubeObject } from '#kube/object.ts'
import { backupKey } from '#store/layout.ts'
import { serverNamespace as namespace } from '../../bench/installation.ts'
import { bringBack, removeNamespace } from '../cluster/restore-order.ts'
import { backUp } from '../support/backup-run.ts'
import { ownCluster } from '../support/cluster.ts'
import { bound, deleteVolumes, makeEbsClaim, makeSnapshotLocation, volumeIdOf } from '../support/ebs-site.ts'
import { ec2Env, ec2Server } from '../support/moto.ts'
import { make, Namespaces } from '../support/objects.ts'
import { eventually, installKinds } from '../support/server.ts'
import { assertSameOutcome } from './same-backup.ts'
import { locationOf, openPlaces, openSite, veleroTimeout, type Maker } from './velero-site.ts'

const app = 'ebs-shop'
const claims = ['data', 'old']

test(
  'Velero and Lifeboat keep the same records of EBS snapshots, and each restores and deletes those of the other',
  { timeout: veleroTimeout },
  async (t) => {
    await using places = await openPlaces()
    await using cluster = await ownCluster()
    await using ec2 = await ec2Server()
    const { kube } = cluster
    await installKinds(kube)
    await make(kube, Namespaces, { name: app })
    await make(kube, Namespaces, { name: namespace })
    const Tags = [{ Key: 'team', Value: 'shop' }]
    const made = { TagSpecifications: [{ ResourceType: 'volume' as const, Tags }] }
    const data = await ec2.makeVolume({ ...made, VolumeType: 'io2', Iops: 700 })
    const old = await ec2.makeVolume(made)
    await makeEbsClaim(kube, { namespace: app, name: 'data', volumeId: data })
    await makeEbsClaim(kube, { namespace: app, name: 'old', volumeId: old, inTree: true })
    await makeSnapshotLocation(kube, namespace)
    const endpoint = { AWS_ENDPOINT_URL_EC2: ec2.endpoint }
    await using site = await openSite(cluster, { places, maker: 'velero', env: endpoint, signal: t.signal })
    const location = {
      apiVersion: apiVersionOf(BackupStorageLocations),
      kind: BackupStorageLocations.kind,
      metadata: { name: 'ours', namespace },
      spec: { ...locationOf(places.s3, 'lifeboat'), default: false },
    }
    await kube.create<KubeObject>(BackupStorageLocations, location, { namespace })
    const snapshotters = snapshotLocations(kube, { namespace, env: { ...ec2Env, ...endpoint } })
    const snapshotOf = async (id: string | undefined) =>
      (await ec2.snapshots()).find(({ SnapshotId }) => SnapshotId === id)
    const nativesOf = async (maker: Maker, name: string): Promise<NativeSnapshot[]> => {
      const natives = await decodeVolumeSnapshots(await places.stores[maker].get(backupKey(name, 'volume-snapshots')))
      return natives.toSorted((a, b) => (a.spec.persistentVolumeName < b.spec.persistentVolumeName ? -1 : 1))
    }
    const lose = async (): Promise<void> => {
      await removeNamespace(kube, app)
      await deleteVolumes(
        kube,
        claims.map((name) => `${app}-${name}`),
      )
    }
    const assertRefilled = async (natives: readonly NativeSnapshot[]): Promise<void> => {
      for (const [index, name] of claims.entries()) {
        const volume = await bound(kube, { namespace: app, name })
        const id = /vol-.*/.exec(volumeIdOf(volume))?.[0] ?? ''
        assert.equal((await ec2.volume(id))?.SnapshotId, natives[index]?.status.providerSnapshotID, name)
      }
    }

    const theirs = await site.backUp('both', ['--include-namespaces', app])
    const ours = await backUp({
      kube,
      store: places.stores.lifeboat,
      name: 'both',
      spec: theirs.spec,
      snapshotters,
    })
    await t.test('records, volume infos, tags and counters are the same', async () => {
      assertSameOutcome(ours, theirs)
      assert.deepEqual([ours.status?.volumeSnapshotsCompleted, theirs.status?.volumeSnapshotsCompleted], [2, 2])
      const [mine, others] = [await nativesOf('lifeboat', 'both'), await nativesOf('velero', 'both')]
      assert.deepEqual(mine.map(comparable), others.map(comparable))
      for (const [index, native] of mine.entries()) {
        const [one, other] = [native, others[index]!].map(({ status }) => snapshotOf(status.providerSnapshotID))
        assert.deepEqual(tagsOf(await one), tagsOf(await other))
      }
      const infos = async (maker: Maker) =>
        (await decodeVolumeInfo(await places.stores[maker].get(backupKey('both', 'volume-info'))))
          .map((info) => ({
            ...info,
            nativeSnapshotInfo: { ...(info['nativeSnapshotInfo'] as object), snapshotHandle: '' },
          }))
          .toSorted((a, b) => ((a.pvName ?? '') < (b.pvName ?? '') ? -1 : 1))
      assert.deepEqual(await infos('lifeboat'), await infos('velero'))
    })
    await t.test('Lifeboat restores what Velero made', async () => {
      await lose()
      const { restore, results } = await bringBack({
        kube,
        store: places.stores.velero,
        name: 'theirs-by-us',
        spec: { backupName: 'both' },
        snapshotters,
      })
      assert.deepEqual([restore.status?.phase, results.errors], ['Completed', {}])
      await assertRefilled(await nativesOf('velero', 'both'))
    })
    await backUp({
      kube,
      store: places.stores.lifeboat,
      name: 'ours',
      spec: { ...theirs.spec, storageLocation: 'ours' },
      snapshotters,
    })
    const natives = await nativesOf('lifeboat', 'ours')
    await t.test('Velero restores what Lifeboat made', async () => {
      await site.knows('ours')
      await lose()
      const { status } = await site.restore('ours-by-them', 'ours')
      assert.deepEqual([status?.phase, status?.errors ?? 0], ['Completed', 0])
      await assertRefilled(natives)
    })
    await t.test('Velero deletes what Lifeboat made, with its snapshots', async () => {
      await site.velero('backup', 'delete', 'ours', '--confirm')
      await eventually(async () => {
        const left = await Promise.all(natives.map(({ status }) => snapshotOf(status.providerSnapshotID)))
        return left.every((one) => one === undefined) ? true : undefined
      }, 60)
    })
    await lose()
  },
)

function comparable({ spec, status }: NativeSnapshot): unknown {
  const { backupUID: _, volumeIOPS = 0, ...rest } = spec
  return { ...rest, volumeIOPS, phase: status.phase }
}

/** Without those that only we put on. */
function tagsOf(tagged: { Tags?: Tag[] | undefined } | undefined): Record<string, string> {
  const tags = (tagged?.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value] as const)
  return Object.fromEntries(tags.filter(([key]) => !key.startsWith('lifeboat.dev/')))
}
