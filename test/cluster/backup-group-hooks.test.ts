// Hooks around a volume group where no node runs the pods, so that every command fails, and with the storage side played: what is done in which order when the group is
// slow, never ready, unheard, or its backup is stopped. Hooks that do something, and a real driver, are in test/node/hooks-groups.test.ts.
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { LogLine } from '#archive/log-line.ts'
import type { KubeClient } from '#kube/client.ts'
import type { ResourceType } from '#kube/object.ts'
import { memoryStore } from '#store/memory.ts'
import type { GroupTypes } from '#volumes/group-types.ts'
import { VolumeSnapshotContents, VolumeSnapshots } from '#volumes/snapshot-types.ts'
import { findingsOf } from '../support/backup-results.ts'
import { backUp, namesOf, readBackup, type BackupOrder } from '../support/backup-run.ts'
import { testNamespace } from '../support/cluster.ts'
import { diskCluster, type DiskCluster } from '../support/disk-cluster.ts'
import { Claims, make, Pods } from '../support/objects.ts'
import { makeDisk, type Mood, type PlayedDriver, type PlayedGroups } from '../support/played-driver.ts'
import { defineGroups, makeGroupClass, playedGroups } from '../support/played-groups.ts'
import { eventually } from '../support/server.ts'

let cluster: DiskCluster
let kube: KubeClient
let types: GroupTypes
let played: PlayedDriver

before(async () => {
  const groups = async (on: KubeClient): Promise<PlayedGroups> => {
    types = await defineGroups(on, 'v1beta2')
    await makeGroupClass(on, types, { name: 'rack' })
    return playedGroups(types)
  }
  cluster = await diskCluster({ groups })
  ;({ kube, played } = cluster)
})

after(() => cluster?.[Symbol.asyncDispose]())

/** Two pods with hooks, `a` and `b` with onError Fail, and a claim each of the group that has the mood. */
async function openBank(mood: Mood): Promise<AsyncDisposable & { name: string }> {
  const space = await testNamespace(kube)
  const namespace = space.name
  played.moods.set(namespace, mood)
  for (const name of ['a', 'b']) {
    await makeDisk(kube, namespace, name)
    const labels = { 'velero.io/volume-group': namespace }
    await kube.patch(Claims, name, { merge: { metadata: { labels } } }, { namespace })
    const annotations = {
      'pre.hook.backup.velero.io/command': 'freeze',
      'pre.hook.backup.velero.io/on-error': name === 'b' ? 'Fail' : 'Continue',
      'post.hook.backup.velero.io/command': 'thaw',
    }
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: name } }]
    const spec = { containers: [{ name: 'main', image: 'none' }], volumes }
    await make(kube, Pods, { namespace, name, metadata: { annotations }, spec })
  }
  return space
}

/** A backup of the bank, and what is known of it, such as `pre a`, with the number of groups that the storage had taken by then. */
function watchedBackup(namespace: string, { spec = {}, ...order }: Partial<BackupOrder> = {}) {
  const store = memoryStore()
  const seen: string[] = []
  const groups = played.groups.size
  const onLog = ({ message, fields }: LogLine): void => {
    if (message !== 'Error executing hook') return
    const taken = played.groups.size - groups
    seen.push(`${String(fields['hookPhase'])} ${fields.name}, ${taken} taken`)
  }
  const asked = { includedNamespaces: [namespace], ...spec }
  return { store, seen, ended: backUp({ kube, store, spec: asked, onLog, ...order }) }
}

const inOrder = (taken: number): string[] => [
  'pre a, 0 taken',
  'pre b, 0 taken',
  `post a, ${taken} taken`,
  `post b, ${taken} taken`,
]

async function nothingLeft(): Promise<void> {
  await eventually(async () => {
    const kinds: ResourceType[] = [VolumeSnapshots, VolumeSnapshotContents, types.snapshots, types.contents]
    const left = await Promise.all(kinds.map(async (type) => (await kube.list(type, {})).items.length))
    return left.every((count) => count === 0) || undefined
  }, 60)
}

suite('hooks of pods whose volumes are one group', { concurrency: false }, () => {
  test('all pre hooks come before the group is taken, however late, and all post hooks after it; they do not wait until it is ready', async () => {
    for (const mood of ['slow', 'never-ready'] as const) {
      await using bank = await openBank(mood)
      const { store, seen, ended } = watchedBackup(bank.name)
      ended.catch(() => undefined)
      await eventually(async () => seen.length === 4 || undefined, 60)
      assert.deepEqual(seen, inOrder(1), mood)
      const members = (await kube.list(VolumeSnapshots, { namespace: bank.name })).items
      assert.equal(members.length, 2)
      if (mood === 'never-ready') {
        for (const { metadata, status } of members) {
          assert.equal(status?.readyToUse, false)
          const merge = { status: { readyToUse: true } }
          const content = status.boundVolumeSnapshotContentName ?? ''
          await kube.patch(VolumeSnapshotContents, content, { merge }, { subresource: 'status' })
          await kube.patch(VolumeSnapshots, metadata.name, { merge }, { namespace: bank.name, subresource: 'status' })
        }
      }
      const { status } = await ended
      assert.deepEqual(status?.hookStatus, { hooksAttempted: 4, hooksFailed: 4 })
      assert.equal(status?.csiVolumeSnapshotsCompleted, 2)
      const stored = await readBackup(store)
      assert.deepEqual(namesOf(stored, 'pods'), [`${bank.name}/a`])
      assert.deepEqual(namesOf(stored, 'persistentvolumeclaims'), [`${bank.name}/a`, `${bank.name}/b`])
      await nothingLeft()
    }
  })

  test('a group that is refused, or that nobody takes in time, lets all go on, and is an error of each member', async () => {
    for (const [mood, reason] of [
      ['refusing', /the driver says: this rack knows no groups/],
      ['silent', /not taken within 4 s/],
    ] as const) {
      await using bank = await openBank(mood)
      const { store, seen, ended } = watchedBackup(bank.name, { spec: { csiSnapshotTimeout: '4s' } })
      const { status } = await ended
      assert.deepEqual(seen, inOrder(0), mood)
      assert.equal(status?.phase, 'PartiallyFailed')
      const { errors } = await findingsOf(store)
      // One for each hook, one for onError Fail, one for each member.
      assert.equal(errors.length, 7, errors.join('\n'))
      assert.equal(errors.filter((line) => reason.test(line)).length, 2, errors.join('\n'))
      assert.deepEqual(namesOf(await readBackup(store), 'persistentvolumeclaims'), [])
      await nothingLeft()
    }
  })

  test('a backup that is stopped while they stand still lets all go on, and leaves nothing of the group', async () => {
    await using bank = await openBank('silent')
    const stop = new AbortController()
    const { seen, ended } = watchedBackup(bank.name, { signal: stop.signal })
    ended.catch(() => undefined)
    await eventually(async () => (await kube.list(types.snapshots, { namespace: bank.name })).items[0], 60)
    assert.deepEqual(seen, inOrder(0).slice(0, 2))
    stop.abort(new Error('stopped'))
    await assert.rejects(ended, { problem: 'aborted' })
    assert.deepEqual(seen, inOrder(0))
    await nothingLeft()
  })

  test('what was asked for while they stood still, and not taken when a server that is relieved let them go, is no part of the backup', async () => {
    await using bank = await openBank('silent')
    const startTimestamp = new Date().toISOString()
    const stop = new AbortController()
    const first = watchedBackup(bank.name, { startTimestamp, signal: stop.signal, isTakenUp: () => true })
    first.ended.catch(() => undefined)
    const find = async () => (await kube.list(types.snapshots, { namespace: bank.name })).items[0]
    const early = await eventually(find, 60)
    stop.abort(new Error('relieved'))
    await assert.rejects(first.ended, { problem: 'aborted' })
    assert.deepEqual(first.seen, inOrder(0))
    played.moods.set(bank.name, 'good')
    const { store, seen, ended } = watchedBackup(bank.name, { startTimestamp, resumes: true })
    const { status } = await ended
    assert.deepEqual(seen, inOrder(1))
    assert.equal(status?.csiVolumeSnapshotsCompleted, 2)
    const stored = namesOf(await readBackup(store), 'volumesnapshots.snapshot.storage.k8s.io')
    assert.equal(stored.length, 2)
    assert.ok(stored.every((name) => !name.endsWith(early.metadata.uid ?? '')))
    await nothingLeft()
  })
})
