// A server that is killed while it has snapshots of EBS volumes taken, copied, made volumes again, and deleted: the next one ends the work, and EC2 holds what belongs to
// it, once. EC2 is moto's. LIFEBOAT_SEED repeats the kills of an earlier run.
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { after, test, type TestContext } from 'node:test'
import type { Snapshot } from '@aws-sdk/client-ec2'
import { Backups, type Backup } from '#api/backup.ts'
import { Restores } from '#api/restore.ts'
import { decodeResourceList } from '#archive/resource-list.ts'
import { decodeResults } from '#archive/results.ts'
import { decodeVolumeInfo } from '#archive/volume-info.ts'
import { decodeVolumeSnapshots, type NativeSnapshot } from '#archive/volume-snapshots.ts'
import { backupKey, restoreKey } from '#store/layout.ts'
import { readBackup } from '../support/backup-run.ts'
import { testNamespace } from '../support/cluster.ts'
import { bound, makeEbsClaim, makeSnapshotLocation, volumeIdOf } from '../support/ebs-site.ts'
import { ec2Server, type Ec2Region } from '../support/moto.ts'
import { Claims, Volumes } from '../support/objects.ts'
import { askForBackup, ended, eventually } from '../support/server.ts'
import { backupKills, chosenKills, deletionKills, killInWords, momentOf, restoreKills, type Kill } from './ebs-kills.ts'
import { killSite, type Work } from './volume-kills.ts'
import { deletionOf, restoreOf, targetOf } from './volume-work.ts'

const seed = Number(process.env['LIFEBOAT_SEED'] ?? randomInt(2 ** 31))
const disks = ['data', 'log'] as const
const away = 'eu-central-1'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const ec2 = stack.use(await ec2Server())
const there = ec2.inRegion(away)
/** What moto begins with. */
const others = new Set((await Promise.all([ec2, there].map((one) => one.snapshots()))).flat().map(idOf))
const site = stack.use(await killSite({ ec2 }))
const { kube, namespace, store } = site
await makeSnapshotLocation(kube, namespace, { annotations: { 'lifeboat.dev/copy-to-region': away } })
const { name: shop } = stack.use(await testNamespace(kube))
const volumeIds = await Promise.all(disks.map(() => ec2.makeVolume()))
for (const [index, name] of disks.entries())
  await makeEbsClaim(kube, { namespace: shop, name, volumeId: volumeIds[index]! })

const backup = (name: string): Work => ({
  plural: 'backups',
  name,
  begin: () => askForBackup(kube, namespace, { name, spec: { includedNamespaces: [shop] } }),
  end: () => ended(kube, Backups, { name, namespace, seconds: 180 }),
})

const restore = (name: string): Work => restoreOf(shop, { name, site })
const deletion = (made: Backup): Work => deletionOf(made, site)

function idOf({ SnapshotId = '' }: Snapshot): string {
  return SnapshotId
}

const tagOf = ({ Tags = [] }: Snapshot, key: string): string => Tags.find(({ Key }) => Key === key)?.Value ?? ''

/** Of the snapshots that a backup's name is on, what `say` says, sorted. */
async function snapshotsOf(name: string, { snapshots }: Ec2Region, say: (one: Snapshot) => string): Promise<string[]> {
  const all = await snapshots()
  return all
    .filter((one) => tagOf(one, 'velero.io/backup') === name)
    .map(say)
    .toSorted()
}

async function nativesIn(name: string): Promise<NativeSnapshot[]> {
  return await decodeVolumeSnapshots(await store.get(backupKey(name, 'volume-snapshots')))
}

/** The backup is whole, and EC2 has the snapshots that it tells of and one copy of each, and no others. */
async function assertBackedUp(name: string): Promise<void> {
  const { status } = await kube.get(Backups, name, { namespace })
  const { phase, volumeSnapshotsAttempted: asked, volumeSnapshotsCompleted: taken, errors, warnings } = status ?? {}
  assert.deepEqual([phase, asked, taken, errors, warnings], ['Completed', 2, 2, undefined, undefined])
  assert.deepEqual((await readBackup(store, name)).verification.differences, [])
  const natives = await nativesIn(name)
  assert.deepEqual(natives.map(({ spec }) => spec.providerVolumeID).toSorted(), volumeIds.toSorted())
  const ids = natives.map(({ status: { providerSnapshotID = '' } }) => providerSnapshotID).toSorted()
  assert.deepEqual(await snapshotsOf(name, ec2, idOf), ids)
  assert.deepEqual(await snapshotsOf(name, there, (one) => tagOf(one, 'lifeboat.dev/copy-of')), ids)
}

/** The volumes in EC2 that were made of snapshots of a backup. */
async function madeVolumes(name: string): Promise<string[]> {
  const natives = await nativesIn(name)
  const made = natives.map(({ status }) => ec2.volumesOf(status.providerSnapshotID ?? ''))
  return (await Promise.all(made)).flat().toSorted()
}

/** What there is after a restore, the same for each. */
async function remains(name: string): Promise<object> {
  const target = targetOf(name)
  const natives = await nativesIn('undisturbed')
  const volumes: Record<string, unknown> = {}
  for (const disk of disks) {
    const volume = await bound(kube, { namespace: target, name: disk })
    const made = await ec2.volume(volumeIdOf(volume))
    const { spec } = natives.find(({ status }) => status.providerSnapshotID === made?.SnapshotId) ?? {}
    volumes[disk] = { of: spec?.persistentVolumeName, type: made?.VolumeType, zone: made?.AvailabilityZone }
  }
  const { status } = await kube.get(Restores, name, { namespace })
  const { phase, errors, warnings, progress, failureReason } = status ?? {}
  const infos = await decodeVolumeInfo(await store.get(restoreKey(name, 'volume-info')))
  const list = await decodeResourceList(await store.get(restoreKey(name, 'resource-list')))
  return {
    status: { phase, errors, warnings, progress, failureReason },
    results: await decodeResults(await store.get(restoreKey(name, 'results'))),
    list: Object.entries(list).map(([type, { length }]) => [type, length]),
    infos: infos.map(({ pvcName, restoreMethod }) => `${pvcName} ${restoreMethod}`).toSorted(),
    claims: (await kube.list(Claims, { namespace: target })).items.map(({ metadata }) => metadata.name),
    volumes,
  }
}

/** Kills the server at each of these, in a new work each time, and looks at what came of it. */
async function killAtEach(
  t: TestContext,
  kills: readonly Kill[],
  { work, check }: { work: (name: string) => Work; check: (name: string) => Promise<void> },
): Promise<void> {
  for (const [index, kill] of kills.entries()) {
    await t.test(killInWords(kill), async () => {
      const one = work(`kill-${index + 1}`)
      const at = await site.killWhen(momentOf(kill, one.name), one)
      const again = `LIFEBOAT_SEED=${seed} npm run test:cluster -- test/faults/ebs-killed.test.ts`
      assert.ok(at !== undefined, `${one.name} ended without that request\nagain: ${again}`)
      await check(one.name).catch((cause: unknown) => {
        throw new Error(`${one.name}: ${(cause as Error).message}\nagain: ${again}`, { cause })
      })
    })
  }
}

test('a backup of EBS volumes whose server is killed at any of 4 requests is completed by the next one, with each snapshot and each copy once', async (t) => {
  await site.passages(backup('undisturbed'))
  await assertBackedUp('undisturbed')
  await killAtEach(t, chosenKills(backupKills, { count: 4, seed }), { work: backup, check: assertBackedUp })
})

test('a restore of EBS volumes whose server is killed at any of 4 requests ends as one that was left alone, with each volume once', async (t) => {
  await site.passages(restore('undisturbed'))
  const undisturbed = (await remains('undisturbed')) as { status: { phase: string } }
  assert.equal(undisturbed.status.phase, 'Completed')
  const check = async (name: string): Promise<void> => {
    assert.deepEqual(await remains(name), undisturbed)
    const used = (await kube.list(Volumes, {})).items.map(volumeIdOf).filter((id) => !volumeIds.includes(id))
    assert.deepEqual(await madeVolumes('undisturbed'), used.toSorted())
  }
  await check('undisturbed')
  await killAtEach(t, chosenKills(restoreKills, { count: 4, seed }), { work: restore, check })
})

test('a deletion of such a backup whose server is killed at any request is ended by the next one; when all are deleted EC2 holds no snapshot', async (t) => {
  const backups = (await kube.list(Backups, { namespace })).items as Backup[]
  const next = (): Work => deletion(backups.pop() ?? assert.fail('too few backups'))
  const check = async (): Promise<void> => {
    const left = new Set(backups.map(({ metadata }) => metadata.name))
    for (const region of [ec2, there]) {
      const ours = (await region.snapshots()).filter((one) => !others.has(idOf(one)))
      const names = ours.map((one) => tagOf(one, 'velero.io/backup'))
      assert.deepEqual(new Set(names), left)
    }
  }
  await killAtEach(t, chosenKills(deletionKills, { count: 1, seed }), { work: next, check })
  for (const one of backups.splice(0)) await deletion(one).begin()
  await eventually(async () => (await kube.list(Backups, { namespace })).items.length === 0 || undefined, 120)
  await check()
  await eventually(async () => (await Array.fromAsync(store.list('backups/'))).length === 0 || undefined)
})
