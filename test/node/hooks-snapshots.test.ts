// Hooks and snapshots together, with a real CSI driver: a thaw comes after the snapshots are taken and does not wait until they are ready.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { bringBack, removeNamespace } from '../cluster/restore-order.ts'
import { backUp, readBackup } from '../support/backup-run.ts'
import { testNamespace } from '../support/cluster.ts'
import { claim } from '../support/csi/claims.ts'
import { inPod, nodeSandbox, startPod } from '../support/node-sandbox.ts'
import { ownStore } from './disk-shop.ts'
import { freeze, ledgerOn, records, stoodStillAt, thaw, writer } from './ledger.ts'

const pre = 'pre.hook.backup.velero.io/'
const post = 'post.hook.backup.velero.io/'
const shell = (script: string): string => JSON.stringify(['sh', '-c', script])

suite('hooks around snapshots on a node', async () => {
  const cluster = await nodeSandbox()
  const { kube, storage } = cluster

  test('both volumes of an application end at the number at which it was frozen, and it goes on before the snapshots are ready', async () => {
    await using space = await testNamespace(kube)
    const namespace = space.name
    const pod = { namespace, name: 'ledger' }
    for (const name of ['data', 'log']) await claim(kube, { namespace, name })
    const annotations = { [`${pre}command`]: shell(freeze), [`${pre}timeout`]: '2m', [`${post}command`]: shell(thaw) }
    const claims = { '/disks/data': 'data', '/disks/log': 'log' }
    await startPod(kube, { ...pod, script: writer, annotations, claims })
    const [data, log] = [
      await storage.handleOf({ namespace, name: 'data' }),
      await storage.handleOf({ namespace, name: 'log' }),
    ]
    // The one is cut late, the other is cut at once and not ready before we have seen the pod go on.
    await using slow = await storage.fault(data, { takesMs: 2000 })
    const unready = await storage.fault(log, { readyAfterMs: 'never' })
    await using place = await ownStore()
    const { store } = place
    const running = backUp({ kube, store, spec: { includedNamespaces: [namespace] } })
    running.catch(() => undefined)
    await inPod(cluster, pod, ['sh', '-c', 'until [ -e /tmp/at-thaw ]; do usleep 50000; done'])
    await unready[Symbol.asyncDispose]()
    const backup = await running
    assert.equal(backup.status?.phase, 'Completed')
    assert.deepEqual(backup.status?.hookStatus, { hooksAttempted: 2 })
    assert.equal(backup.status?.csiVolumeSnapshotsCompleted, 2)
    const still = await stoodStillAt(cluster, pod)
    assert.equal(still.to, still.from)
    const { trailer } = await readBackup(store)
    assert.ok((trailer.frozen?.[0]?.seconds ?? 0) >= 2, 'it stood still until the slow snapshot was taken')

    const copy = `${namespace}-copy`
    const spec = { namespaceMapping: { [namespace]: copy } }
    const { restore, results } = await bringBack({ kube, store, name: copy, spec })
    assert.equal(restore.status?.phase, 'Completed', JSON.stringify(results))
    const [ofData, ofLog] = await ledgerOn(cluster, { namespace: copy, name: 'ledger', disks: ['data', 'log'] })
    assert.equal(ofData, records(still.from))
    assert.equal(ofLog, ofData)
    await removeNamespace(kube, copy)
    assert.ok(slow)
  })
})
