// A server that is killed at points spread over backups and restores of volumes: the next one ends them, nothing is lost, and nothing stays behind. The storage
// side is played (test/support/played-driver.ts); with a real driver in test/node. LIFEBOAT_SEED repeats the points of an earlier run.
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { after, test, type TestContext } from 'node:test'
import { Backups, type Backup } from '#api/backup.ts'
import { DeleteBackupRequests } from '#api/delete-backup-request.ts'
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
import { askForBackup, askForRestore, ended, eventually } from '../support/server.ts'
import type { Passage } from '../support/tollgate.ts'
import { killSite, spreadPoints, type Work } from './volume-kills.ts'

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
    end: () => ended(kube, Backups, { name, namespace, seconds: 180 }),
  }
}

function restore(name: string): Work {
  const spec = { backupName: 'undisturbed', namespaceMapping: { [shop]: targetOf(name) } }
  return {
    plural: 'restores',
    name,
    begin: () => askForRestore(kube, namespace, { name, spec }),
    end: () => ended(kube, Restores, { name, namespace, seconds: 180 }),
  }
}

function targetOf(restored: string): string {
  return `target-of-${restored}`
}

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
  const { objects, verification } = await readBackup(store, name)
  assert.deepEqual(verification.differences, [])
  const contents = [...objects.values()].filter(({ kind }) => kind === VolumeSnapshotContents.kind)
  const handles = contents.map((content) => (content as VolumeSnapshotContent).status?.snapshotHandle ?? '')
  const made = [...played.snapshots.keys()].filter((handle) => !before.has(handle))
  assert.deepEqual(made.toSorted(), handles.toSorted())
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

/** Kills the server at points spread over a work, each time at a new one of its kind, and looks at what came of it. */
async function killEverywhere(
  t: TestContext,
  { total, work, check }: { total: number; work: (name: string) => Work; check: (name: string) => Promise<void> },
): Promise<void> {
  for (const [part, point] of spreadPoints(total, { count: POINTS, seed }).entries()) {
    await t.test(`in part ${part + 1} of ${POINTS}`, async () => {
      // A work may be a few requests shorter than the one before.
      for (let nth = point, at: Passage | undefined; at === undefined; nth = Math.max(1, nth - 3)) {
        const name = `part-${part + 1}-at-${nth}`
        at = await site.killAt(nth, work(name))
        await check(name).catch((cause: unknown) => {
          const where =
            at === undefined ? 'left alone' : `killed at ${nth} of ${total}, ${at.moment} ${at.method} ${at.path}`
          const again = `LIFEBOAT_SEED=${seed} npm run test:cluster -- test/faults/volumes-killed.test.ts`
          throw new Error(`${name}, ${where}: ${(cause as Error).message}\nagain: ${again}`, { cause })
        })
      }
    })
  }
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

test('when all these backups are deleted, nothing of them is left in the cluster, the storage or the store', async () => {
  const backups = (await kube.list(Backups, { namespace })).items as Backup[]
  assert.ok(backups.length > POINTS)
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
