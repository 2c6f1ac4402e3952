// Hooks and snapshots together, with a real CSI driver: a thaw comes after the snapshots are taken and does not wait until they are ready.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { bringBack, removeNamespace } from '../cluster/restore-order.ts'
import { backUp, readBackup } from '../support/backup-run.ts'
import { testNamespace } from '../support/cluster.ts'
import { claim } from '../support/csi/claims.ts'
import { inPod, nodeSandbox, podReaches, startPod } from '../support/node-sandbox.ts'
import { ownStore } from './disk-shop.ts'

const pre = 'pre.hook.backup.velero.io/'
const post = 'post.hook.backup.velero.io/'
const shell = (script: string): string => JSON.stringify(['sh', '-c', script])

/** Appends the same number to a file on each of two volumes, again and again, unless it is asked to stand still. */
const ledger = `
  n=0; [ -e /disks/data/numbers ] && exec sleep 100000
  while true; do
    if [ -e /tmp/freeze ]; then touch /tmp/frozen; else
      rm -f /tmp/frozen; n=$((n+1)); echo $n >>/disks/data/numbers; echo $n >>/disks/log/numbers
    fi
    usleep 5000
  done`
const freeze =
  'touch /tmp/freeze; until [ -e /tmp/frozen ]; do usleep 10000; done; sync; tail -n 1 /disks/data/numbers >/tmp/at-freeze'
const thaw = 'tail -n 1 /disks/log/numbers >/tmp/at-thaw; rm /tmp/freeze'

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
    await startPod(kube, { ...pod, script: ledger, annotations, claims })
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
    const at = async (file: string): Promise<string> => (await inPod(cluster, pod, ['cat', file])).trim()
    const frozenAt = await at('/tmp/at-freeze')
    assert.equal(await at('/tmp/at-thaw'), frozenAt)
    const { trailer } = await readBackup(store)
    assert.ok((trailer.frozen?.[0]?.seconds ?? 0) >= 2, 'it stood still until the slow snapshot was taken')

    const copy = `${namespace}-copy`
    const spec = { namespaceMapping: { [namespace]: copy } }
    const { restore, results } = await bringBack({ kube, store, name: copy, spec })
    assert.equal(restore.status?.phase, 'Completed', JSON.stringify(results))
    const restored = { namespace: copy, name: 'ledger' }
    await podReaches(kube, { ...restored, phase: 'Running' })
    const expected = Array.from({ length: Number(frozenAt) }, (_, index) => `${index + 1}\n`).join('')
    for (const disk of ['data', 'log']) {
      assert.equal(await inPod(cluster, restored, ['cat', `/disks/${disk}/numbers`]), expected, disk)
    }
    await removeNamespace(kube, copy)
    assert.ok(slow)
  })
})
