// Volume groups in backups and restores, with the storage side played (test/support/played-groups.ts); with a real driver in test/node.
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { Backup } from '#api/backup.ts'
import { decodeVolumeInfo } from '#archive/volume-info.ts'
import { deleteBackupSnapshots } from '#backup/delete.ts'
import type { KubeClient } from '#kube/client.ts'
import type { ResourceType } from '#kube/object.ts'
import { backupKey } from '#store/layout.ts'
import { memoryStore } from '#store/memory.ts'
import type { ObjectStore } from '#store/store.ts'
import type { GroupTypes } from '#volumes/group-types.ts'
import { VolumeSnapshotContents, VolumeSnapshots } from '#volumes/snapshot-types.ts'
import { findingsOf } from '../support/backup-results.ts'
import { backUp, namesOf, readBackup, type BackupOrder } from '../support/backup-run.ts'
import { testNamespace } from '../support/cluster.ts'
import { diskCluster, type DiskCluster } from '../support/disk-cluster.ts'
import { Claims } from '../support/objects.ts'
import { handleOf, makeDisk, type PlayedDriver, type PlayedGroups } from '../support/played-driver.ts'
import { defineGroups, makeGroupClass, playedGroups } from '../support/played-groups.ts'
import { eventually } from '../support/server.ts'
import { bringBack } from './restore-order.ts'

let cluster: DiskCluster
let kube: KubeClient
let types: GroupTypes
let played: PlayedDriver

before(async () => {
  const groups = async (on: KubeClient): Promise<PlayedGroups> => {
    types = await defineGroups(on, 'v1beta2')
    await makeGroupClass(on, types, { name: 'rack' })
    await makeGroupClass(on, types, { name: 'spare', labels: {} })
    return playedGroups(types)
  }
  cluster = await diskCluster({ groups })
  ;({ kube, played } = cluster)
})

after(() => cluster?.[Symbol.asyncDispose]())

const groupLabel = 'velero.io/volume-group'

/** A claim with its name as data, of a group unless that is empty. */
async function makeMember(namespace: string, name: string, group: string): Promise<void> {
  played.volumes.set(await makeDisk(kube, namespace, name), `data of ${name}`)
  if (group !== '')
    await kube.patch(Claims, name, { merge: { metadata: { labels: { [groupLabel]: group } } } }, { namespace })
}

async function backUpShop(
  namespace: string,
  { store = memoryStore(), spec = {}, ...rest }: Partial<BackupOrder> = {},
): Promise<{ backup: Backup; store: ObjectStore }> {
  const backup = await backUp({ kube, store, spec: { includedNamespaces: [namespace], ...spec }, ...rest })
  return { backup, store }
}

/** Nothing of any backup or restore is in the cluster any more. */
async function nothingLeft(): Promise<void> {
  await eventually(async () => {
    const kinds: ResourceType[] = [VolumeSnapshots, VolumeSnapshotContents, types.snapshots, types.contents]
    const left = await Promise.all(kinds.map(async (type) => (await kube.list(type, {})).items.length))
    return left.every((count) => count === 0) || undefined
  }, 60)
}

/** Handles of snapshots that the storage got since. */
function newSnapshots(before: ReadonlySet<string>): string[] {
  return [...played.snapshots.keys()].filter((handle) => !before.has(handle)).toSorted()
}

suite('a backup with volume groups', { concurrency: false }, () => {
  test('takes one group snapshot for each group, stores its members as Velero does, and clears the cluster', async () => {
    await using shop = await testNamespace(kube)
    for (const name of ['log', 'tables']) await makeMember(shop.name, name, 'db')
    await makeMember(shop.name, 'alone', '')
    const before = new Set(played.snapshots.keys())
    const groups = played.groups.size
    const { backup, store } = await backUpShop(shop.name)
    assert.equal(backup.status?.phase, 'Completed', JSON.stringify(await findingsOf(store)))
    assert.deepEqual([backup.status?.csiVolumeSnapshotsAttempted, backup.status?.csiVolumeSnapshotsCompleted], [3, 3])
    assert.equal(backup.status?.backupItemOperationsCompleted, 3)
    assert.equal(played.groups.size, groups + 1)
    const [group, handles] = [...played.groups].at(-1)!
    assert.equal(handles.length, 2)
    assert.deepEqual((await findingsOf(store)).warnings, [])

    const { objects, verification } = await readBackup(store)
    assert.deepEqual(verification.differences, [])
    const claim = objects.get(`resources/persistentvolumeclaims/namespaces/${shop.name}/log.json`)
    const name = claim?.metadata.annotations?.['velero.io/volume-snapshot-name'] ?? ''
    const path = `resources/volumesnapshots.snapshot.storage.k8s.io/namespaces/${shop.name}/${name}.json`
    const snapshot = objects.get(path)
    assert.equal(snapshot?.metadata.labels?.['velero.io/backup-name'], 'nightly')
    assert.equal(snapshot?.metadata.annotations?.['velero.io/csi-volumegroupsnapshot-handle'], group)
    assert.equal(snapshot?.metadata.ownerReferences, undefined)
    assert.equal(JSON.stringify(snapshot?.metadata.finalizers ?? []).includes('in-group'), false)
    assert.equal(JSON.stringify(snapshot?.metadata.annotations).includes('backup-run'), false)
    assert.deepEqual(
      [...objects.keys()].filter((one) => one.includes('groupsnapshot')),
      [],
    )
    const infos = await decodeVolumeInfo(await store.get(backupKey('nightly', 'volume-info')))
    assert.deepEqual(
      infos.map(({ pvcName, backupMethod }) => [pvcName, backupMethod]).toSorted(),
      ['alone', 'log', 'tables'].map((one) => [one, 'CSISnapshot']),
    )
    await nothingLeft()
    assert.deepEqual(
      newSnapshots(before).filter((one) => handles.includes(one)),
      handles.toSorted(),
    )
  })

  test('comes back from it, and is deleted with it as a whole', async () => {
    await using shop = await testNamespace(kube)
    for (const name of ['log', 'tables']) await makeMember(shop.name, name, 'db')
    const before = new Set(played.snapshots.keys())
    const { backup, store } = await backUpShop(shop.name)
    const copy = `${shop.name}-copy`
    const spec = { namespaceMapping: { [shop.name]: copy } }
    const { restore, results } = await bringBack({ kube, store, name: copy, spec, patience: { volumes: 60_000 } })
    assert.equal(restore.status?.phase, 'Completed', JSON.stringify(results))
    for (const name of ['log', 'tables'])
      assert.equal(played.volumes.get(await handleOf(kube, copy, name)), `data of ${name}`)
    assert.deepEqual((await kube.list(types.contents, {})).items, [])
    const writer = { now: new Date() }
    const end = await deleteBackupSnapshots(store, backup, { cluster: () => Promise.resolve(kube), writer })
    assert.deepEqual(end, { deleted: 2, problems: [], unreachable: [] })
    assert.deepEqual(newSnapshots(before), [])
    for (const { metadata } of (await kube.list(VolumeSnapshots, { namespace: copy })).items) {
      await kube.delete(VolumeSnapshots, metadata.name, { namespace: copy })
      await kube.delete(VolumeSnapshotContents, metadata.name)
    }
    await nothingLeft()
  })

  test('says why a group cannot be had, goes on with the rest, and leaves nothing of it', async () => {
    await using shop = await testNamespace(kube)
    for (const group of ['refused', 'unheard', 'halved', 'mistaken'])
      for (const half of ['a', 'b']) await makeMember(shop.name, `${group}-${half}`, group)
    const named = { annotations: { 'velero.io/csi-volume-group-snapshot-class': 'nowhere' } }
    await kube.patch(Claims, 'mistaken-a', { merge: { metadata: named } }, { namespace: shop.name })
    await makeMember(shop.name, 'good-a', 'good')
    played.moods.set('refused', 'refusing').set('unheard', 'silent').set('halved', 'partial')
    const before = new Set(played.snapshots.keys())
    const { backup, store } = await backUpShop(shop.name, { spec: { csiSnapshotTimeout: '4s' } })
    assert.equal(backup.status?.phase, 'PartiallyFailed')
    const { errors } = await findingsOf(store)
    assert.equal(errors.length, 8, errors.join('\n'))
    const all = errors.join('\n')
    assert.match(all, /refused-a.*volume group refused: the driver says: this rack knows no groups/)
    assert.match(all, /unheard-b.*not taken within 4 s \(no snapshot controller has answered\)/)
    assert.match(all, /halved-a.*within 4 s it got no snapshot of halved-b/)
    assert.match(all, /mistaken-b.*VolumeGroupSnapshotClass nowhere, which claim mistaken-a names/)
    assert.deepEqual(namesOf(await readBackup(store), 'persistentvolumeclaims'), [`${shop.name}/good-a`])
    await nothingLeft()
    assert.equal(newSnapshots(before).length, 1)
  })

  test('leaves out a member that a policy or its state leaves out, with a warning, and keeps track of its snapshot', async () => {
    await using shop = await testNamespace(kube)
    for (const name of ['log', 'scratch']) await makeMember(shop.name, name, 'db')
    const before = new Set(played.snapshots.keys())
    const skip = { conditions: { pvcLabels: { scratch: 'yes' } }, action: { type: 'skip' } } as const
    const policies = { includeExclude: undefined, volumePolicies: [skip] }
    await kube.patch(
      Claims,
      'scratch',
      { merge: { metadata: { labels: { scratch: 'yes' } } } },
      { namespace: shop.name },
    )
    const { backup, store } = await backUpShop(shop.name, { policies })
    assert.equal(backup.status?.phase, 'Completed', JSON.stringify(await findingsOf(store)))
    assert.match((await findingsOf(store)).warnings.join('\n'), /scratch.*Not in the snapshot of volume group db/)
    assert.equal(backup.status?.csiVolumeSnapshotsCompleted, 1)
    await nothingLeft()
    const writer = { now: new Date() }
    await deleteBackupSnapshots(store, backup, { cluster: () => Promise.resolve(kube), writer })
    assert.deepEqual(newSnapshots(before), [])
  })

  test('that is stopped by its user leaves nothing', async () => {
    await using shop = await testNamespace(kube)
    await makeMember(shop.name, 'slow-a', 'late')
    played.moods.set('late', 'slow')
    const before = new Set(played.snapshots.keys())
    const stopped = new AbortController()
    const first = backUpShop(shop.name, { signal: stopped.signal })
    await eventually(async () => (await kube.list(types.snapshots, { namespace: shop.name })).items[0])
    stopped.abort()
    await assert.rejects(first)
    await nothingLeft()
    assert.deepEqual(newSnapshots(before), [])
  })

  test('that a dead server left is taken up with the group that is there', async () => {
    await using shop = await testNamespace(kube)
    for (const name of ['early-a', 'early-b']) await makeMember(shop.name, name, 'early')
    played.moods.set('early', 'slow')
    const before = new Set(played.snapshots.keys())
    const died = new AbortController()
    const hour = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000).toISOString()
    const first = backUpShop(shop.name, { startTimestamp: hour, signal: died.signal, isTakenUp: () => true })
    const seen = await eventually(async () => (await kube.list(types.snapshots, { namespace: shop.name })).items[0])
    died.abort()
    await assert.rejects(first)
    const { backup, store } = await backUpShop(shop.name, { startTimestamp: hour, resumes: true })
    assert.equal(backup.status?.csiVolumeSnapshotsCompleted, 2)
    const stored = [...(await readBackup(store)).objects.values()].find(({ kind }) => kind === 'VolumeSnapshot')
    assert.match(stored?.metadata.name ?? '', new RegExp(`${seen.metadata.uid}$`))
    await nothingLeft()
    assert.equal(newSnapshots(before).length, 2)
  })
})
