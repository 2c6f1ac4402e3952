// Hooks of several pods around one volume group of a real CSI driver: all stand still, the group is taken, all go on; nobody earlier, nobody much later.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Backup, BackupSpec } from '#api/backup.ts'
import type { ObjectStore } from '#store/store.ts'
import { bringBack, removeNamespace } from '../cluster/restore-order.ts'
import { findingsOf } from '../support/backup-results.ts'
import { backUp, namesOf, readBackup } from '../support/backup-run.ts'
import { testNamespace } from '../support/cluster.ts'
import { claim } from '../support/csi/claims.ts'
import { csi } from '../support/csi/storage.ts'
import { inPod, nodeSandbox, startPod } from '../support/node-sandbox.ts'
import { Claims } from '../support/objects.ts'
import { nothingKnown, ownStore } from './disk-shop.ts'
import { freeze, ledgerOn, records, stoodStillAt, thaw, writer } from './ledger.ts'

const pre = 'pre.hook.backup.velero.io/'
const post = 'post.hook.backup.velero.io/'
const shell = (script: string): string => JSON.stringify(['sh', '-c', script])
/** Each pod has one disk only. */
const goOn = thaw.replace('/disks/log/', '/disks/data/')
const standingStill = { [`${pre}command`]: shell(freeze), [`${pre}timeout`]: '2m', [`${post}command`]: shell(goOn) }

interface Bank extends AsyncDisposable {
  readonly namespace: string
  /** The driver's names of the disks, by pod. */
  readonly handles: Readonly<Record<string, string>>
  /** Backs it up into a store of its own. */
  backUp(spec?: BackupSpec): Promise<{ backup: Backup; store: ObjectStore }>
}

suite('hooks of several pods whose volumes are one group', async () => {
  const cluster = await nodeSandbox()
  const { kube, storage } = cluster

  /** A pod that writes its ledger, with these annotations, for each name; their disks are one group. */
  async function openBank(pods: Readonly<Record<string, Record<string, string>>>): Promise<Bank> {
    await using stack = new AsyncDisposableStack()
    const namespace = stack.use(await testNamespace(kube)).name
    const place = stack.use(await ownStore())
    const labels = { 'velero.io/volume-group': 'bank' }
    const annotations = { 'velero.io/csi-volume-group-snapshot-class': csi.snapshotClass }
    const handles: Record<string, string> = {}
    const started = Object.entries(pods).map(async ([name, hooks]) => {
      await claim(kube, { namespace, name, labels })
      await kube.patch(Claims, name, { merge: { metadata: { annotations } } }, { namespace })
      await startPod(kube, { namespace, name, script: writer, annotations: hooks, claims: { '/disks/data': name } })
      handles[name] = await storage.handleOf({ namespace, name })
    })
    await Promise.all(started)
    const all = stack.move()
    return {
      namespace,
      handles,
      async backUp(spec = {}) {
        const { store } = place
        return { backup: await backUp({ kube, store, spec: { includedNamespaces: [namespace], ...spec } }), store }
      },
      [Symbol.asyncDispose]: () => all.disposeAsync(),
    }
  }

  /** Each pod stood still before the first snapshot of the group was cut, and until after the last. */
  async function assertStoodStillFor(store: ObjectStore, { handles }: Bank, pods: readonly string[]): Promise<void> {
    const wanted = Object.values(handles)
    const cuts = (await storage.snapshots()).filter(({ volume }) => wanted.includes(volume))
    assert.equal(cuts.length, wanted.length)
    assert.equal(new Set(cuts.map(({ group }) => group)).size, 1, 'they are of one group')
    const { trailer } = await readBackup(store)
    assert.deepEqual(trailer.frozen?.map(({ name }) => name).toSorted(), pods)
    const moments = cuts.map(({ created }) => Date.parse(created))
    for (const { name, since, seconds } of trailer.frozen ?? []) {
      const from = Date.parse(since)
      assert.ok(from <= Math.min(...moments), `${name} stood still when the first was cut`)
      assert.ok(from + seconds * 1000 >= Math.max(...moments), `${name} stood still when the last was cut`)
    }
  }

  test('all stand still until the group is taken, go on before its snapshots are ready, and come back as they stood still', async () => {
    await using bank = await openBank({ gold: standingStill, silver: standingStill })
    const { namespace, handles } = bank
    const pods = Object.keys(handles).toSorted()
    await using slow = await storage.fault(handles['gold'] ?? '', { takesMs: 2000 })
    const unready = await storage.fault(handles['silver'] ?? '', { readyAfterMs: 'never' })
    const running = bank.backUp()
    running.catch(() => undefined)
    for (const name of pods)
      await inPod(cluster, { namespace, name }, ['sh', '-c', 'until [ -e /tmp/at-thaw ]; do usleep 50000; done'])
    await unready[Symbol.asyncDispose]()
    const { backup, store } = await running
    assert.equal(backup.status?.phase, 'Completed', JSON.stringify(await findingsOf(store)))
    assert.deepEqual(backup.status?.hookStatus, { hooksAttempted: 4 })
    assert.equal(backup.status?.csiVolumeSnapshotsCompleted, 2)
    await assertStoodStillFor(store, bank, pods)

    const copy = `${namespace}-copy`
    const spec = { namespaceMapping: { [namespace]: copy } }
    const { restore, results } = await bringBack({ kube, store, name: copy, spec })
    assert.equal(restore.status?.phase, 'Completed', JSON.stringify(results))
    for (const name of pods) {
      const still = await stoodStillAt(cluster, { namespace, name })
      assert.equal(still.to, still.from, name)
      const [content] = await ledgerOn(cluster, { namespace: copy, name, disks: ['data'] })
      assert.equal(content, records(still.from), name)
    }
    await removeNamespace(kube, copy)
    assert.ok(slow)
  })

  test('a pre hook that fails, and one that hangs until its timeout, end the wait of no other pod before the group is taken', async () => {
    const marked = { [`${post}command`]: shell('echo thawed >>/tmp/marks') }
    await using bank = await openBank({
      good: standingStill,
      hangs: { [`${pre}command`]: shell('sleep 1000'), [`${pre}timeout`]: '3s', ...marked },
      lenient: { [`${pre}command`]: '/bin/false', ...marked },
      strict: { [`${pre}command`]: '/bin/false', [`${pre}on-error`]: 'Fail', ...marked },
    })
    const { namespace, handles } = bank
    const { backup, store } = await bank.backUp()
    assert.equal(backup.status?.phase, 'PartiallyFailed')
    assert.deepEqual(backup.status?.hookStatus, { hooksAttempted: 8, hooksFailed: 3 })
    assert.equal(backup.status?.csiVolumeSnapshotsCompleted, 4)
    assert.match((await findingsOf(store)).errors.join('\n'), /hangs.* did not end within 3 s/)
    const stored = ['good', 'hangs', 'lenient'].map((name) => `${namespace}/${name}`)
    assert.deepEqual(namesOf(await readBackup(store), 'pods'), stored)
    await assertStoodStillFor(store, bank, Object.keys(handles).toSorted())
    const still = await stoodStillAt(cluster, { namespace, name: 'good' })
    assert.equal(still.to, still.from)
    for (const name of ['hangs', 'lenient', 'strict'])
      assert.equal(await inPod(cluster, { namespace, name }, ['cat', '/tmp/marks']), 'thawed\n', name)
  })

  test('a group that the driver refuses lets all go on, and nothing of it stays', async () => {
    await using bank = await openBank({ gold: standingStill, silver: standingStill })
    const { namespace, handles } = bank
    await using broken = await storage.fault(handles['silver'] ?? '', { error: 'the disk is made of cheese' })
    const { backup, store } = await bank.backUp({ csiSnapshotTimeout: '6s' })
    assert.equal(backup.status?.phase, 'PartiallyFailed')
    assert.deepEqual(backup.status?.hookStatus, { hooksAttempted: 4 })
    const { errors } = await findingsOf(store)
    assert.equal(errors.length, 2, errors.join('\n'))
    assert.match(errors.join('\n'), /volume group bank: .*made of cheese/)
    assert.deepEqual(
      namesOf(await readBackup(store), 'pods'),
      ['gold', 'silver'].map((name) => `${namespace}/${name}`),
    )
    for (const name of ['gold', 'silver']) {
      const still = await stoodStillAt(cluster, { namespace, name })
      assert.equal(still.to, still.from, name)
      await inPod(cluster, { namespace, name }, ['sh', '-c', 'until [ ! -e /tmp/frozen ]; do usleep 50000; done'])
    }
    await broken[Symbol.asyncDispose]()
    await nothingKnown(cluster, namespace)
  })
})
