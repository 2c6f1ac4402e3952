import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Backup } from '#api/backup.ts'
import { BackupError } from '#backup/error.ts'
import { runBackup } from '#backup/run.ts'
import { snapshotLocations } from '#controllers/snapshot-locations.ts'
import type { KubeClient } from '#kube/client.ts'
import { memoryStore } from '#store/memory.ts'
import { StoreError, type ObjectStore } from '#store/store.ts'
import { ebsBench, type EbsBench } from '../support/ebs-bench.ts'
import { bound, makeSnapshotLocation, volumeIdOf } from '../support/ebs-site.ts'
import { region, type Ec2Server } from '../support/moto.ts'
import { make, Secrets, Volumes } from '../support/objects.ts'
import { boundClaim } from '../support/volumes.ts'

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
  'a volume that is refused for a quota, or for too many requests however often they are repeated, is an error with its reason; the others are taken, and only they come back',
  limit,
  async () => {
    await using home = await bench.site()
    const { app } = home
    const full = await home.claim('full')
    const busy = await home.claim('busy')
    const good = await home.claim('good')
    bench.refuse(({ action, parameters }) => {
      if (action !== 'CreateSnapshot') return undefined
      if (parameters.get('VolumeId') === full) return { code: 'SnapshotLimitExceeded' }
      return parameters.get('VolumeId') === busy ? { code: 'RequestLimitExceeded', status: 503 } : undefined
    })
    const { status, errors } = await home.backUp('b')
    assert.equal(status.phase, 'PartiallyFailed')
    assert.deepEqual([status.volumeSnapshotsAttempted, status.volumeSnapshotsCompleted], [3, 1])
    assert.equal(errors.length, 2)
    assert.match(errors.find((text) => text.includes('/full')) ?? '', /the quota of snapshots is used up/)
    assert.match(errors.find((text) => text.includes('/busy')) ?? '', /so many requests/)
    const repeated = bench.gate.calls.filter(
      ({ action, parameters }) => action === 'CreateSnapshot' && parameters.get('VolumeId') === busy,
    )
    assert.ok(repeated.length > 3, `${repeated.length} tries`)
    assert.deepEqual(
      (await home.natives('b')).map(({ status: { phase } }) => phase),
      ['Failed', 'Failed', 'Completed'],
    )

    await home.lose()
    const restored = await home.restore('r', { backupName: 'b' })
    assert.equal(restored.phase, 'PartiallyFailed')
    assert.equal(restored.errors.length, 2)
    for (const text of restored.errors) assert.match(text, /no snapshot of it could be taken for this backup/)
    assert.notEqual(volumeIdOf(await bound(kube, { namespace: app, name: 'good' })), good)
    assert.equal(await kube.find(Volumes, `${app}-full`), undefined)
  },
)

test(
  'a volume that is refused for a quota, or for too many requests, when it is restored is an error with its reason; the others come back, and no disk is left over',
  limit,
  async () => {
    await using home = await bench.site()
    for (const name of ['full', 'busy', 'good']) await home.claim(name)
    await home.backUp('b')
    const natives = await home.natives('b')
    const snapshotOf = (name: string): string =>
      natives.find(({ spec }) => spec.persistentVolumeName === `${home.app}-${name}`)?.status.providerSnapshotID ?? ''
    await home.lose()
    bench.refuse(({ action, parameters }) => {
      if (action !== 'CreateVolume') return undefined
      const from = parameters.get('SnapshotId')
      if (from === snapshotOf('full')) return { code: 'VolumeLimitExceeded' }
      return from === snapshotOf('busy') ? { code: 'RequestLimitExceeded', status: 503 } : undefined
    })
    const { phase, errors } = await home.restore('r', { backupName: 'b' })
    assert.equal(phase, 'PartiallyFailed')
    assert.equal(errors.length, 2, errors.join('\n'))
    assert.match(errors.find((text) => text.includes('-full')) ?? '', /the quota of volumes is used up/)
    assert.match(errors.find((text) => text.includes('-busy')) ?? '', /so many requests/)
    await bound(kube, { namespace: home.app, name: 'good' })
    for (const name of ['full', 'busy']) assert.deepEqual(await ec2.volumesOf(snapshotOf(name)), [], name)
  },
)

test('a busy API that gives in after a while costs nothing but time', limit, async () => {
  await using home = await bench.site()
  await home.claim('data')
  let refusals = 2
  bench.refuse(({ action }) =>
    action === 'CreateSnapshot' && refusals-- > 0 ? { code: 'RequestLimitExceeded', status: 503 } : undefined,
  )
  const { status, errors } = await home.backUp('b')
  assert.deepEqual([status.phase, errors, status.volumeSnapshotsCompleted], ['Completed', [], 1])
})

test('each location asks with the keys of its own Secret', limit, async () => {
  await using home = await bench.site({ credential: { name: 'ebs-keys', key: 'cloud' } })
  await home.claim('data')
  const text = '[default]\naws_access_key_id=AKIAOFTHELOCATION\naws_secret_access_key=secret\n'
  await make(kube, Secrets, { namespace: home.server, name: 'ebs-keys', data: { cloud: btoa(text) } })
  bench.refuse(({ accessKey }) =>
    accessKey === 'AKIAOFTHELOCATION' ? undefined : { code: 'AuthFailure', status: 401 },
  )
  assert.equal((await home.backUp('b')).status.phase, 'Completed')
  await kube.patch(
    Secrets,
    'ebs-keys',
    { merge: { data: { cloud: btoa(text.replace('AKIAOFTHE', 'AKIANOTTHE')) } } },
    { namespace: home.server },
  )
  const { status, errors } = await home.backUp('c')
  assert.equal(status.phase, 'PartiallyFailed')
  assert.match(errors.join(), /AWS does not accept the credentials/)
  await kube.delete(Secrets, 'ebs-keys', { namespace: home.server })
  const { errors: later } = await home.backUp('d')
  assert.match(later.join(), /names Secret .*ebs-keys: there is no such Secret/)
})

test(
  'a backup is refused when its location is missing or two would do, and says per volume when one cannot work',
  limit,
  async () => {
    await using home = await bench.site({ config: { region, zone: 'a' } })
    await home.claim('data')
    const { status, errors } = await home.backUp('b')
    assert.equal(status.phase, 'PartiallyFailed')
    assert.match(errors.join(), /volume snapshot location "ebs": config has zone, which is not known/)
    const missing = await home.backUp('c', { volumeSnapshotLocations: ['elsewhere'] })
    assert.equal(missing.status.phase, 'FailedValidation')
    assert.match(missing.status.validationErrors?.join() ?? '', /volume snapshot location "elsewhere" not found/)
    await makeSnapshotLocation(kube, home.server, { name: 'second' })
    const two = await home.backUp('d')
    assert.equal(two.status.phase, 'FailedValidation')
    assert.match(two.status.validationErrors?.join() ?? '', /provider aws has several volume snapshot locations/)
    assert.equal((await home.backUp('e', { volumeSnapshotLocations: ['second'] })).status.phase, 'Completed')
  },
)

test(
  'volumes of other kinds stay without data, with a warning, or an error when snapshots were asked for; none are taken when they were not wanted',
  limit,
  async () => {
    await using home = await bench.site()
    const ebs = await home.claim('data')
    await using _other = await boundClaim(kube, { namespace: home.app, name: 'other' })
    const plain = await home.backUp('b')
    assert.deepEqual([plain.status.phase, plain.status.volumeSnapshotsCompleted], ['Completed', 1])
    assert.match(plain.warnings.join(), /other.*no VolumeSnapshotLocation of this backup is for its kind of volume/)
    const asked = await home.backUp('c', { snapshotVolumes: true })
    assert.deepEqual([asked.status.phase, asked.errors.length], ['PartiallyFailed', 1])
    const unwanted = await home.backUp('d', { snapshotVolumes: false })
    assert.deepEqual([unwanted.status.phase, unwanted.status.volumeSnapshotsAttempted], ['Completed', undefined])
    const taken = (await ec2.snapshots()).filter(({ VolumeId }) => VolumeId === ebs)
    assert.equal(taken.length, 2)
  },
)

/** A store that fails when the file whose key ends with `suffix` is written, after `then`. */
function failingAt(suffix: string, then: () => Promise<unknown> = async () => undefined): ObjectStore {
  const store = memoryStore()
  return {
    ...store,
    async put(key, body, options) {
      if (!key.endsWith(suffix)) return await store.put(key, body, options)
      await then()
      throw new StoreError('full', 'no room')
    },
  }
}

test(
  'a backup that fails deletes the snapshots it took, and one that is made again those that its dead predecessor left, and no others',
  limit,
  async () => {
    await using home = await bench.site()
    const volumeId = await home.claim('data')
    const mine = async () => (await ec2.snapshots()).filter(({ VolumeId }) => VolumeId === volumeId)
    const snapshotters = snapshotLocations(kube, { namespace: home.server, env: bench.env })
    const backup: Backup = {
      apiVersion: 'velero.io/v1',
      kind: 'Backup',
      metadata: { name: 'b', namespace: home.server, uid: 'uid-of-b' },
      spec: { includedNamespaces: [home.app], volumeSnapshotLocations: ['ebs'] },
    }
    const run = (store: ObjectStore, of = backup) =>
      runBackup({ backup: of, kube, store, now: () => new Date(), snapshotters })
    let taken = 0
    const failing = failingAt('velero-backup.json', async () => (taken = (await mine()).length))
    await assert.rejects(run(failing), BackupError)
    assert.equal(taken, 1)
    assert.deepEqual(await mine(), [])

    // What a killed process leaves, of this Backup and of one with its name in another cluster.
    const ebs = await snapshotters('ebs')
    const left = async (uid: string) =>
      await ebs.take({ volumeId, tags: { 'velero.io/backup': 'b', 'lifeboat.dev/backup-uid': uid } })
    const [ours, theirs] = [await left('uid-of-b'), await left('uid-of-another')]
    await ebs.close()
    const made = await run(memoryStore())
    assert.equal(made.status?.volumeSnapshotsCompleted, 1)
    const ids = (await mine()).map(({ SnapshotId }) => SnapshotId)
    assert.equal(ids.length, 2)
    assert.ok(ids.includes(theirs) && !ids.includes(ours))
  },
)
