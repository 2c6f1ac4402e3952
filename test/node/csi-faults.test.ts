// What goes wrong with volumes on a real node: each has its reason in the results, the rest goes on, nothing stays behind.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { deleteBackupSnapshots } from '#backup/delete.ts'
import { apiVersionOf } from '#kube/object.ts'
import { VolumeSnapshotClasses } from '#volumes/snapshot-types.ts'
import { bringBack } from '../cluster/restore-order.ts'
import { findingsOf } from '../support/backup-results.ts'
import { backUp, readBackup } from '../support/backup-run.ts'
import { nodeSandbox } from '../support/node-sandbox.ts'
import { Claims, make, Namespaces } from '../support/objects.ts'
import { eventually } from '../support/server.ts'
import { passing } from '../support/volumes.ts'
import { nothingKnown, openDiskShop, ownStore, snapshotsOf } from './disk-shop.ts'
import { Volumes } from '../support/objects.ts'

suite('volumes that cannot be had', async () => {
  const cluster = await nodeSandbox()
  const { kube, storage } = cluster

  /** A claim bound to a volume of a driver that nobody runs. */
  async function staticClaim(namespace: string, name: string, driver: string): Promise<AsyncDisposable> {
    const size = { storage: '1Gi' }
    const modes = { accessModes: ['ReadWriteOnce'], storageClassName: '' }
    const volumeName = `${namespace}-${name}`
    const volume = await passing(kube, Volumes, {
      name: volumeName,
      spec: { ...modes, capacity: size, claimRef: { namespace, name }, csi: { driver, volumeHandle: volumeName } },
    })
    await make(kube, Claims, { namespace, name, spec: { ...modes, volumeName, resources: { requests: size } } })
    await eventually(async () => (await phaseOf(namespace, name)) === 'Bound' || undefined)
    return volume
  }

  async function phaseOf(namespace: string, name: string): Promise<string | undefined> {
    return ((await kube.get(Claims, name, { namespace }))['status'] as { phase?: string } | undefined)?.phase
  }

  async function snapshotClass(name: string, driver: string): Promise<AsyncDisposable> {
    const { kind } = VolumeSnapshotClasses
    const apiVersion = apiVersionOf(VolumeSnapshotClasses)
    await kube.create(VolumeSnapshotClasses, { apiVersion, kind, metadata: { name }, driver, deletionPolicy: 'Delete' })
    return { [Symbol.asyncDispose]: async () => void (await kube.delete(VolumeSnapshotClasses, name)) }
  }

  test('the driver fails, never gets ready, is gone, has no class or two; the claim is pending or lost', async () => {
    await using shop = await openDiskShop(cluster, ['broken', 'good', 'stuck'])
    const { namespace, handles } = shop
    await using _broken = await storage.fault(handles[0]!, { error: 'the disk is made of cheese' })
    await using _stuck = await storage.fault(handles[2]!, { readyAfterMs: 'never' })
    await using _gone = await staticClaim(namespace, 'gone', 'gone.example.com')
    await using _twin = await staticClaim(namespace, 'twin', 'twin.example.com')
    await using _one = await snapshotClass(`${namespace}-one`, 'twin.example.com')
    await using _two = await snapshotClass(`${namespace}-two`, 'twin.example.com')
    await using _removed = await staticClaim(namespace, 'removed', 'removed.example.com')
    await using _left = await snapshotClass(`${namespace}-left`, 'removed.example.com')
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }
    await make(kube, Claims, { namespace, name: 'pending', spec: { ...spec, storageClassName: 'nobody-has-it' } })
    const lost = await staticClaim(namespace, 'lost', 'gone.example.com')
    await lost[Symbol.asyncDispose]()
    await kube.patch(Volumes, `${namespace}-lost`, { merge: { metadata: { finalizers: null } } }).catch(() => undefined)
    await eventually(async () => (await phaseOf(namespace, 'lost')) === 'Lost' || undefined)

    await using place = await ownStore()
    const { store } = place
    const backup = await backUp({
      kube,
      store,
      spec: { includedNamespaces: [namespace], csiSnapshotTimeout: '8s', itemOperationTimeout: '12s' },
    })
    assert.equal(backup.status?.phase, 'PartiallyFailed')
    const { errors, warnings } = await findingsOf(store)
    const said = (lines: string[], pattern: RegExp): void => assert.match(lines.join('\n'), pattern)
    said(errors, /name: \/broken .*the driver says: .*made of cheese/)
    said(errors, /name: \/stuck .*Asynchronous action timed out/)
    said(errors, /name: \/removed .*it was not taken within 8 s/)
    said(errors, /name: \/twin .*several VolumeSnapshotClasses/)
    said(errors, /name: \/lost .*its claim is Lost/)
    said(warnings, /name: \/gone .*no VolumeSnapshotClass is of driver gone\.example\.com/)
    said(warnings, /name: \/pending .*not bound/)
    assert.equal(errors.length, 5, errors.join('\n'))

    const { objects } = await readBackup(store)
    const stored = [...objects.keys()].filter((path) => path.startsWith('resources/persistentvolumeclaims/'))
    const names = stored.map((path) => path.split('/').at(-1)?.replace('.json', '')).toSorted()
    assert.deepEqual(names, ['gone', 'good', 'lost', 'pending', 'twin'])
    assert.ok(objects.has(`resources/pods/namespaces/${namespace}/keeper.json`))
    await nothingKnown(cluster, namespace)
    await eventually(async () => (await snapshotsOf(cluster, shop)).length === 1 || undefined, 60)
    await deleteBackupSnapshots(store, backup, { cluster: () => Promise.resolve(kube), writer: { now: new Date() } })
    assert.deepEqual(await snapshotsOf(cluster, shop), [])
  })

  test('a snapshot that was deleted behind our back is an error of its volume when it is restored', async () => {
    await using shop = await openDiskShop(cluster, ['kept', 'stolen'])
    const { namespace, handles } = shop
    await using place = await ownStore()
    const { store } = place
    const backup = await backUp({ kube, store, spec: { includedNamespaces: [namespace] } })
    const stolen = (await storage.snapshots()).find(({ volume }) => volume === handles[1])
    await storage.lose(stolen?.id ?? '')
    const copy = `${namespace}-copy`
    const spec = { namespaceMapping: { [namespace]: copy }, excludedResources: ['pods'] }
    const { restore, results } = await bringBack({ kube, store, name: copy, spec, patience: { volumes: 30_000 } })
    assert.equal(restore.status?.phase, 'PartiallyFailed')
    const errors = Object.values(results.errors.namespaces ?? {}).flat()
    assert.equal(errors.length, 1, errors.join('\n'))
    assert.match(errors[0] ?? '', /\/stolen have not come back/)
    assert.equal(((await kube.get(Claims, 'kept', { namespace: copy }))['status'] as { phase: string }).phase, 'Bound')
    await kube.delete(Namespaces, copy)
    const options = { cluster: () => Promise.resolve(kube), writer: { now: new Date() } }
    // Of the one that is gone already nobody complains.
    assert.deepEqual((await deleteBackupSnapshots(store, backup, options)).problems, [])
    assert.deepEqual(await snapshotsOf(cluster, shop), [])
  })
})
