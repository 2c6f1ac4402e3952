// A server that is killed at points spread over backups and restores of volumes: the next one ends them, nothing is lost, and nothing stays behind. The storage
// side is played (test/support/played-driver.ts); with a real driver in test/node. LIFEBOAT_SEED repeats the points of an earlier run.
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { after, test, type TestContext } from 'node:test'
import { Backups, type Backup } from '#api/backup.ts'
import { DeleteBackupRequests } from '#api/delete-backup-request.ts'
import { annotationKeys } from '#api/labels.ts'
import { hasEnded } from '#api/phases.ts'
import { Restores } from '#api/restore.ts'
import { decodeResourceList } from '#archive/resource-list.ts'
import { decodeResults } from '#archive/results.ts'
import { decodeVolumeInfo } from '#archive/volume-info.ts'
import { deletionRequest } from '#backup/deletion-request.ts'
import type { KubeObject } from '#kube/object.ts'
import { restoreKey } from '#store/layout.ts'
import { VolumeSnapshotContents, VolumeSnapshots, type VolumeSnapshotContent } from '#volumes/snapshot-types.ts'
import { readBackup } from '../support/backup-run.ts'
import { testNamespace } from '../support/cluster.ts'
import { Claims, Namespaces, Volumes } from '../support/objects.ts'
import { defineSnapshots, handleOf, makeClass, makeDisk, playDriver } from '../support/played-driver.ts'
import { askForBackup, eventually } from '../support/server.ts'
import type { Passage } from '../support/tollgate.ts'
import { killSite, spreadPoints, type Work } from './volume-kills.ts'
import { deletionOf, restoreOf, targetOf } from './volume-work.ts'

const POINTS = 10
const seed = Number(process.env['LIFEBOAT_SEED'] ?? randomInt(2 ** 31))
const disks = ['one', 'three', 'two'] as const

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const site = stack.use(await killSite())
const { kube, namespace, store } = site
await defineSnapshots(kube)
await makeClass(kube, 'disk')
const played = stack.use(playDriver(kube))
const { name: shop } = stack.use(await testNamespace(kube))
for (const disk of disks) {
  const handle = await makeDisk(kube, shop, disk)
  played.volumes.set(handle, `data of ${disk}`)
  const change = { metadata: { labels: { disk } }, spec: { persistentVolumeReclaimPolicy: 'Retain' } }
  await kube.patch(Volumes, volumeOf(handle), { merge: change })
}
played.moods.set('two', 'late').set('three', 'late')

/** The PersistentVolume of a volume of the played driver. */
function volumeOf(handle: string): string {
  return `pvc-${handle.slice('vol-'.length)}`
}

function backup(name: string): Work {
  const spec = { includedNamespaces: [shop] }
  return {
    plural: 'backups',
    name,
    begin: () => askForBackup(kube, namespace, { name, spec }),
    // Its snapshots leave the cluster after the end.
    end: () =>
      eventually(async () => {
        const { metadata, status } = await kube.get(Backups, name, { namespace })
        return (hasEnded(status?.phase) && metadata.annotations?.[annotationKeys.clearing] === undefined) || undefined
      }, 180),
  }
}

const restore = (name: string): Work => restoreOf(shop, { name, site })
const deletion = (made: Backup): Work => deletionOf(made, site)

/** Everything that the cluster knows of snapshots. */
async function knownSnapshots(): Promise<KubeObject[]> {
  const snapshots = (await kube.list(VolumeSnapshots, {})).items
  return [...snapshots, ...(await kube.list(VolumeSnapshotContents, {})).items]
}

async function assertNothingKnown(): Promise<void> {
  await eventually(async () => (await knownSnapshots()).length === 0 || undefined).catch(async () =>
    assert.deepEqual(
      (await knownSnapshots()).map(({ kind, metadata, spec }) => ({ kind, metadata, spec })),
      [],
    ),
  )
}

/** A backup is whole, its snapshots are in the storage, once each, and the cluster knows nothing of them. */
async function assertBackedUp(name: string, before: ReadonlySet<string>): Promise<void> {
  const { status } = await kube.get(Backups, name, { namespace })
  assert.equal(status?.phase, 'Completed', JSON.stringify(status))
  const { csiVolumeSnapshotsAttempted: asked, csiVolumeSnapshotsCompleted: taken, errors, warnings } = status
  assert.deepEqual([asked, taken, errors, warnings], [disks.length, disks.length, undefined, undefined])
  await assertNothingKnown()
  assert.deepEqual((await readBackup(store, name)).verification.differences, [])
  const made = [...played.snapshots.keys()].filter((handle) => !before.has(handle))
  assert.deepEqual(made.toSorted(), (await handlesIn(name)).toSorted())
  assert.deepEqual(
    made.map((handle) => played.snapshots.get(handle)).toSorted(),
    disks.map((disk) => `data of ${disk}`),
  )
}

/** What there is after a restore, the same for each. */
async function remains(name: string): Promise<object> {
  const target = targetOf(name)
  const { status } = await kube.get(Restores, name, { namespace })
  const volumes = (await kube.list(Volumes, {})).items.filter(
    ({ spec }) => (spec as { claimRef?: { namespace?: string } }).claimRef?.namespace === target,
  )
  const data: Record<string, unknown> = {}
  for (const disk of disks) {
    const handle = await handleOf(kube, target, disk)
    const { metadata, spec } = await kube.get(Volumes, volumeOf(handle))
    const { persistentVolumeReclaimPolicy: policy } = spec as Record<string, unknown>
    data[disk] = { data: played.volumes.get(handle), labels: metadata.labels, policy }
  }
  const snapshots = (await kube.list(VolumeSnapshots, { namespace: target })).items
  const contents = (await kube.list(VolumeSnapshotContents, { labelSelector: `velero.io/restore-name=${name}` })).items
  const bound = contents.map(({ spec }) => spec?.volumeSnapshotRef?.['name'])
  assert.deepEqual(bound.toSorted(), snapshots.map(({ metadata }) => metadata.name).toSorted())
  const { phase, errors, warnings, progress, failureReason } = status ?? {}
  const infos = await decodeVolumeInfo(await store.get(restoreKey(name, 'volume-info')))
  const list = await decodeResourceList(await store.get(restoreKey(name, 'resource-list')))
  return {
    status: { phase, errors, warnings, progress, failureReason },
    results: await decodeResults(await store.get(restoreKey(name, 'results'))),
    // Certificates come into each namespace by themselves; names of snapshots are those of the restore.
    list: Object.entries(list).map(([type, lines]) => [
      type,
      lines.filter((line) => !line.includes('kube-root-ca')).length,
    ]),
    infos: infos.map(({ pvcName, pvName }) => [pvcName, pvName !== undefined]).toSorted(),
    claims: (await kube.list(Claims, { namespace: target })).items.map(({ metadata }) => metadata.name),
    volumes: volumes.length,
    snapshots: snapshots.length,
    contents: contents.length,
    data,
  }
}

/** Kills the server at points spread over works of `total` passages, each time in a new one, and looks at what came of it. */
async function killEverywhere(
  t: TestContext,
  options: {
    total: number
    count?: number
    work: (name: string) => Work
    check: (name: string) => Promise<void>
  },
): Promise<void> {
  const { total, count = POINTS, work, check } = options
  for (const [part, point] of spreadPoints(total, { count, seed }).entries()) {
    await t.test(`in part ${part + 1} of ${count}`, async () => {
      // A work may be a few requests shorter than the one before.
      for (let nth = point, at: Passage | undefined; at === undefined; nth = Math.max(1, nth - 3)) {
        const one = work(`part-${part + 1}-at-${nth}`)
        at = await site.killAt(nth, one)
        await check(one.name).catch((cause: unknown) => {
          const where =
            at === undefined ? 'left alone' : `killed at ${nth} of ${total}, ${at.moment} ${at.method} ${at.path}`
          const again = `LIFEBOAT_SEED=${seed} npm run test:cluster -- test/faults/volumes-killed.test.ts`
          throw new Error(`${one.name}, ${where}: ${(cause as Error).message}\nagain: ${again}`, { cause })
        })
      }
    })
  }
}

/** The handles of the snapshots that a stored backup says are in the storage. */
async function handlesIn(name: string): Promise<string[]> {
  const { objects } = await readBackup(store, name)
  const contents = [...objects.values()].filter(({ kind }) => kind === VolumeSnapshotContents.kind)
  return contents.map((content) => (content as VolumeSnapshotContent).status?.snapshotHandle ?? '')
}

test(`a backup of volumes whose server is killed at any of ${POINTS} points is completed by the next one, with each snapshot once`, async (t) => {
  let before = new Set<string>()
  const check = async (name: string): Promise<void> => {
    await assertBackedUp(name, before)
    before = new Set(played.snapshots.keys())
  }
  const total = await site.passages(backup('undisturbed'))
  await check('undisturbed')
  await killEverywhere(t, { total, work: backup, check })
})

test(`a restore of volumes whose server is killed at any of ${POINTS} points ends as one that was left alone`, async (t) => {
  const before = new Set(played.snapshots.keys())
  const total = await site.passages(restore('undisturbed'))
  const undisturbed = (await remains('undisturbed')) as { status: { phase: string }; volumes: number }
  assert.deepEqual([undisturbed.status.phase, undisturbed.volumes], ['Completed', disks.length])
  const check = async (name: string): Promise<void> => {
    assert.deepEqual(await remains(name), undisturbed)
    assert.deepEqual(new Set(played.snapshots.keys()), before)
  }
  await killEverywhere(t, { total, work: restore, check })
})

test('a deletion of a backup with volumes whose server is killed at any of 5 points is ended by the next one, with all its snapshots and no others', async (t) => {
  const { items } = await kube.list(Backups, { namespace })
  const backups = items.filter(({ metadata }) => metadata.name !== 'undisturbed') as Backup[]
  const handles = new Map<string, string[]>()
  for (const { metadata } of backups) handles.set(metadata.name, await handlesIn(metadata.name))
  const check = async (name: string): Promise<void> => {
    for (const handle of handles.get(name) ?? []) assert.ok(!played.snapshots.has(handle), handle)
    handles.delete(name)
    for (const handle of [...handles.values()].flat()) assert.ok(played.snapshots.has(handle), handle)
    assert.deepEqual(await Array.fromAsync(store.list(`backups/${name}/`)), [])
    await eventually(async () => {
      const contents = (await kube.list(VolumeSnapshotContents, {})).items
      const requests = (await kube.list(DeleteBackupRequests, { namespace })).items
      const left = contents.filter(({ metadata }) => metadata.name.startsWith('lifeboat-delete-'))
      return left.length + requests.length === 0 || undefined
    })
  }
  const next = (): Work => deletion(backups.pop() ?? assert.fail('too few backups'))
  const first = next()
  const total = await site.passages(first)
  await check(first.name)
  await killEverywhere(t, { total, count: 5, work: next, check })
})

test('when all these backups are deleted, nothing of them is left in the cluster, the storage or the store', async () => {
  const backups = (await kube.list(Backups, { namespace })).items as Backup[]
  assert.ok(backups.length > 0)
  const restores = (await kube.list(Restores, { namespace })).items
  for (const { metadata } of restores) await kube.delete(Namespaces, targetOf(metadata.name))
  for (const one of backups) await kube.create(DeleteBackupRequests, deletionRequest(one, 'x'), { namespace })
  await eventually(async () => (await kube.list(Backups, { namespace })).items.length === 0 || undefined, 120)
  await eventually(async () => (await kube.list(VolumeSnapshots, {})).items.length === 0 || undefined, 120)
  assert.deepEqual([...played.snapshots.keys()], [])
  await eventually(async () => (await Array.fromAsync(store.list(''))).length === 0 || undefined)
  const left = (await kube.list(VolumeSnapshotContents, {})).items
  assert.deepEqual(
    left.map(({ metadata }) => metadata.name),
    [],
  )
})
