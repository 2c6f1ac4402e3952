// A StatefulSet with three volumes under constant writes: with hooks all volumes come back at the same record, without them each at one of its own.
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import type { Backup, BackupSpec } from '#api/backup.ts'
import { deleteBackupSnapshots } from '#backup/delete.ts'
import type { ObjectStore } from '#store/store.ts'
import { bringBack } from '../cluster/restore-order.ts'
import { backUp } from '../support/backup-run.ts'
import { testNamespace } from '../support/cluster.ts'
import { nodeSandbox } from '../support/node-sandbox.ts'
import { Namespaces } from '../support/objects.ts'
import { eventually } from '../support/server.ts'
import { ownStore } from './disk-shop.ts'
import { countOf, ledgerHooks, ledgerIsUp, ledgerOn, records, startLedger, stoodStillAt } from './ledger.ts'

const RUNS = 10
const disks = ['data', 'index', 'log'] as const
const name = 'ledger-0'

suite('a StatefulSet whose three volumes are written all the time', { concurrency: 4 }, async () => {
  const cluster = await nodeSandbox()
  const { kube, storage } = cluster
  /** Runs in which the volumes ended at different records where nobody had stood still. */
  let apart = 0

  async function backUpLedger(namespace: string, store: ObjectStore, spec: BackupSpec = {}): Promise<Backup> {
    const backup = await backUp({ kube, store, spec: { includedNamespaces: [namespace], ...spec } })
    assert.equal(backup.status?.phase, 'Completed')
    assert.equal(backup.status?.csiVolumeSnapshotsCompleted, disks.length)
    return backup
  }

  /** What is on the disks of a ledger that comes back in `to`. */
  async function restored(from: string, to: string, store: ObjectStore): Promise<string[]> {
    const namespaceMapping = from === to ? {} : { [from]: to }
    const { restore, results } = await bringBack({ kube, store, name: `${to}-again`, spec: { namespaceMapping } })
    assert.equal(restore.status?.phase, 'Completed', JSON.stringify(results))
    await ledgerIsUp(cluster, to)
    return await ledgerOn(cluster, { namespace: to, name, disks })
  }

  async function lose(namespace: string, handles: readonly string[]): Promise<void> {
    await kube.delete(Namespaces, namespace)
    await eventually(async () => (await kube.find(Namespaces, namespace)) === undefined || undefined, 120)
    await eventually(async () => (await storage.volumes()).every(({ id }) => !handles.includes(id)) || undefined, 120)
  }

  for (let run = 1; run <= RUNS; run += 1) {
    test(`comes back whole: to the record at which it was frozen, or each volume to one of its own (run ${run} of ${RUNS})`, async () => {
      await using home = await testNamespace(kube)
      const namespace = home.name
      await startLedger(cluster, { namespace, disks })
      const handles = await Promise.all(disks.map((disk) => storage.handleOf({ namespace, name: `${disk}-${name}` })))
      // One of the three is cut later than the others.
      await using _late = await storage.fault(handles[run % disks.length]!, { takesMs: 300 })
      await using loosePlace = await ownStore()
      await using quietPlace = await ownStore()
      const loose = await backUpLedger(namespace, loosePlace.store)
      const quiet = await backUpLedger(namespace, quietPlace.store, { hooks: ledgerHooks })
      assert.deepEqual(quiet.status?.hookStatus, { hooksAttempted: 2 })
      const still = await stoodStillAt(cluster, { namespace, name })
      assert.ok(still.from > 0 && still.to === still.from, `it wrote from ${still.from} to ${still.to}`)

      await lose(namespace, handles)
      const [copy, unfrozen] = [`${namespace}-copy`, `${namespace}-unfrozen`]
      const [same, other, torn] = await Promise.all([
        restored(namespace, namespace, quietPlace.store),
        restored(namespace, copy, quietPlace.store),
        restored(namespace, unfrozen, loosePlace.store),
      ])
      const whole = records(still.from)
      for (const content of [...same, ...other]) assert.ok(content === whole, `${countOf(content)}, not ${still.from}`)
      const ends = torn.map(countOf)
      for (const [at, end] of ends.entries())
        assert.ok(end !== undefined && end > 0 && end <= still.from, `${disks[at]}: ${torn[at]?.slice(-300)}`)
      if (new Set(torn).size > 1) apart += 1

      for (const gone of [copy, unfrozen]) await kube.delete(Namespaces, gone)
      const options = { cluster: () => Promise.resolve(kube), writer: { now: new Date() } }
      for (const [backup, { store }] of [
        [loose, loosePlace],
        [quiet, quietPlace],
      ] as const)
        assert.deepEqual((await deleteBackupSnapshots(store, backup, options)).problems, [])
      const left = (await storage.snapshots()).filter(({ volume }) => handles.includes(volume))
      assert.deepEqual(left, [])
    })
  }

  after(() =>
    assert.ok(apart > 0, 'without hooks the volumes ended at the same record each time: nothing was written?'),
  )
})
