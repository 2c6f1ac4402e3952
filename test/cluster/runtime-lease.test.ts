import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadKubeConfig } from '#kube/config.ts'
import { connect } from '#kube/connect.ts'
import type { KubeClient } from '#kube/client.ts'
import { holdLease, type HeldLease } from '#runtime/lease.ts'
import { Leases, type LeaseTimes } from '#runtime/lease-step.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { stallingProxy } from '../support/stalling-proxy.ts'

const { kube, kubeconfigPath } = await sharedCluster()
after(() => kube.close())

const times: LeaseTimes = { duration: 3000, trustedFor: 2000, pause: 200, patience: 600 }
const log = { debug() {}, info() {}, warn() {}, error() {} }

function hold(
  client: KubeClient,
  namespace: string,
  { identity, signal = new AbortController().signal }: { identity: string; signal?: AbortSignal },
): Promise<HeldLease> {
  return holdLease(client, { name: 'leader', namespace, identity, signal, log, now: () => new Date(), times })
}

async function holderOf(namespace: string): Promise<string> {
  return (await kube.get(Leases, 'leader', { namespace })).spec?.holderIdentity ?? ''
}

test('of many candidates one leads, and a release hands over at once', async () => {
  await using space = await testNamespace(kube)
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  let leading = 0
  const led: string[] = []
  const began = performance.now()
  await Promise.all(
    names.map(async (identity) => {
      const lease = await hold(kube, space.name, { identity })
      leading += 1
      assert.equal(leading, 1)
      assert.equal(await holderOf(space.name), identity)
      await sleep(250)
      assert.equal(lease.lost.aborted, false)
      leading -= 1
      led.push(identity)
      await lease.release()
    }),
  )
  assert.deepEqual(led.toSorted(), names)
  assert.ok(performance.now() - began < names.length * times.duration, 'nobody waited for a lease to run out')
  const { spec } = await kube.get(Leases, 'leader', { namespace: space.name })
  assert.equal(spec?.holderIdentity, '')
  assert.equal(spec?.leaseTransitions, names.length - 1)
})

test('a holder that is cut off stops before another can lead, and lets a new leader be', async () => {
  await using space = await testNamespace(kube)
  const config = await loadKubeConfig({ env: {}, home: '/', kubeconfig: kubeconfigPath })
  const server = new URL(config.server)
  await using proxy = await stallingProxy(Number(server.port))
  server.port = String(proxy.port)
  const cutOff = connect({ ...config, server: server.href })
  const first = await hold(cutOff, space.name, { identity: 'first' })
  let lostAt = 0
  first.lost.addEventListener('abort', () => (lostAt = performance.now()))

  proxy.stall()
  const second = await hold(kube, space.name, { identity: 'second' })
  const takenAt = performance.now()
  assert.equal(first.lost.aborted, true)
  assert.ok(takenAt - lostAt > 300, `only ${takenAt - lostAt} ms between loss and hand-over`)

  await first.release()
  assert.ok(performance.now() - takenAt < 2000, 'who cannot reach the server does not wait for it to let go')
  assert.equal(await holderOf(space.name), 'second')
  assert.equal(second.lost.aborted, false)
  await second.release()
  await cutOff.close()
})

test('a holder whose record was taken from it stops at its next renewal', async () => {
  await using space = await testNamespace(kube)
  const lease = await hold(kube, space.name, { identity: 'first' })
  await kube.patch(Leases, 'leader', { merge: { spec: { holderIdentity: 'usurper' } } }, { namespace: space.name })
  for (let waited = 0; !lease.lost.aborted && waited < times.trustedFor; waited += 20) await sleep(20)
  assert.equal(lease.lost.aborted, true)
  await lease.release()
  assert.equal(await holderOf(space.name), 'usurper')
})

test('waiting for a lease ends with the signal and leaves no trace', async () => {
  await using space = await testNamespace(kube)
  const first = await hold(kube, space.name, { identity: 'first' })
  const stop = new AbortController()
  const waiting = hold(kube, space.name, { identity: 'second', signal: stop.signal })
  await sleep(300)
  stop.abort()
  await assert.rejects(waiting, { name: 'AbortError' })
  assert.equal(await holderOf(space.name), 'first')
  await first.release()
})
