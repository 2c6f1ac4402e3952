import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { KubeObject } from '#kube/object.ts'
import { runController, type Controller, type Environment } from '#runtime/controller.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make } from '../support/objects.ts'
import { eventually } from '../support/server.ts'

const { kube } = await sharedCluster()
after(() => kube.close())

const log = { debug() {}, info() {}, warn() {}, error() {} }

/** Runs a controller of ConfigMaps until the end of the scope. */
function running(
  namespace: string,
  controller: Omit<Controller<KubeObject>, 'name' | 'type'>,
): AsyncDisposable & { stop(): Promise<void> } {
  const end = new AbortController()
  const environment: Environment = { kube, namespace, now: () => new Date(), signal: end.signal, log }
  const work = runController({ name: 'test', type: ConfigMaps, ...controller }, environment)
  const stop = async (): Promise<void> => {
    end.abort()
    await work
  }
  return { stop, [Symbol.asyncDispose]: stop }
}

const label = (object: KubeObject): string | undefined => object.metadata.labels?.['seen']

test('every object is reconciled, those that were there and those that come, one run at a time for each', async () => {
  await using space = await testNamespace(kube)
  const namespace = space.name
  const names = Array.from({ length: 30 }, (_, i) => `c${i}`)
  await Promise.all(names.slice(0, 15).map((name) => make(kube, ConfigMaps, { name, namespace })))
  const busy = new Set<string>()
  await using _controller = running(namespace, {
    workers: 4,
    async reconcile(object) {
      const { name } = object.metadata
      assert.ok(!busy.has(name), `${name} is worked on twice at once`)
      busy.add(name)
      // The patch wakes the same object again, which then has nothing left to do.
      const done = Number(label(object) ?? 0)
      if (done < 3) {
        await kube.patch(
          ConfigMaps,
          name,
          { merge: { metadata: { labels: { seen: String(done + 1) } } } },
          { namespace },
        )
      }
      busy.delete(name)
      return undefined
    },
  })
  await Promise.all(names.slice(15).map((name) => make(kube, ConfigMaps, { name, namespace })))
  await eventually(async () => {
    const { items } = await kube.list(ConfigMaps, { namespace })
    return (items.length === 31 && items.every((item) => label(item) === '3')) || undefined
  })
})

test('what fails is tried again, what is gone is forgotten, and the end waits for what is under way', async () => {
  await using space = await testNamespace(kube)
  const namespace = space.name
  const tries: string[] = []
  const gone: string[] = []
  let finished = false
  const controller = running(namespace, {
    async reconcile({ metadata: { name } }, { signal }) {
      if (name === 'kube-root-ca.crt') return undefined
      tries.push(name)
      if (name === 'weak' && tries.filter((one) => one === 'weak').length < 3) throw new Error('not yet')
      if (name === 'slow') {
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
        await new Promise((resolve) => setTimeout(resolve, 100))
        finished = true
      }
      return name === 'rhythmic' ? { afterMillis: 100 } : undefined
    },
    forget: (name) => gone.push(name),
  })
  const count = (name: string): number => tries.filter((one) => one === name).length
  await make(kube, ConfigMaps, { name: 'weak', namespace })
  await eventually(async () => count('weak') === 3 || undefined)
  await kube.delete(ConfigMaps, 'weak', { namespace })
  await eventually(async () => gone.includes('weak') || undefined)
  await make(kube, ConfigMaps, { name: 'rhythmic', namespace })
  await eventually(async () => count('rhythmic') >= 4 || undefined)
  await make(kube, ConfigMaps, { name: 'slow', namespace })
  await eventually(async () => count('slow') === 1 || undefined)
  await controller.stop()
  assert.equal(finished, true)
})

test('objects that need nothing are noted like all others, and not read', async () => {
  await using space = await testNamespace(kube)
  const namespace = space.name
  const noted = new Map<string, string | undefined>()
  const whole = Promise.withResolvers<string[]>()
  const read: string[] = []
  await make(kube, ConfigMaps, { name: 'done', namespace, metadata: { labels: { seen: 'yes' } } })
  await make(kube, ConfigMaps, { name: 'open', namespace })
  await using _controller = running(namespace, {
    ledger: {
      note: (object) => void noted.set(object.metadata.name, label(object)),
      strike: (name) => void noted.delete(name),
      complete: () => whole.resolve([...noted.keys()]),
    },
    concerns: (object) => label(object) !== 'yes',
    async reconcile({ metadata: { name } }) {
      read.push(name)
      return undefined
    },
  })
  assert.deepEqual((await whole.promise).toSorted(), ['done', 'kube-root-ca.crt', 'open'])
  await make(kube, ConfigMaps, { name: 'later', namespace, metadata: { labels: { seen: 'yes' } } })
  await eventually(async () => noted.has('later') || undefined)
  await kube.patch(ConfigMaps, 'later', { merge: { metadata: { labels: { seen: 'no' } } } }, { namespace })
  await eventually(async () => read.includes('later') || undefined)
  assert.equal(noted.get('later'), 'no')
  await kube.delete(ConfigMaps, 'done', { namespace })
  await eventually(async () => !noted.has('done') || undefined)
  assert.ok(read.includes('open') && !read.includes('done'))
})
