import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import { memoryStore } from '#store/memory.ts'
import { fillCluster } from '../../bench/fill.ts'
import { backUp, readBackup } from '../support/backup-run.ts'
import { ownCluster } from '../support/cluster.ts'
import { ConfigMaps, make, Namespaces, Secrets } from '../support/objects.ts'

/** Types whose objects also show under another type. */
const twins = new Set(['events.events.k8s.io'])

/** Every object there was at `resourceVersion`, by its path in an archive: asked type by type, page by page, without any of our own rooms but kube/. */
async function objectsAt(kube: KubeClient, resourceVersion: string): Promise<Map<string, KubeObject>> {
  const found = new Map<string, KubeObject>()
  const { types } = await kube.discover()
  for (const type of types) {
    const resource = resourceName(type)
    const lists = ['list', 'create', 'get', 'delete'].every((verb) => type.verbs.includes(verb))
    if (!type.preferred || !lists || twins.has(resource)) continue
    const page = await kube.list(type, { limit: 100_000, resourceVersion, resourceVersionMatch: 'Exact' })
    assert.equal(page.continue, undefined)
    for (const object of page.items) {
      const { name, namespace } = object.metadata
      const place = namespace === undefined ? 'cluster' : `namespaces/${namespace}`
      found.set(`resources/${resource}/${place}/${name}.json`, object)
    }
  }
  return found
}

interface Writer extends AsyncDisposable {
  readonly written: number
}

/** Creates, changes and deletes about `perSecond` objects a second until it is disposed. */
async function startWriter(kube: KubeClient, perSecond: number): Promise<Writer> {
  const namespace = 'restless'
  await make(kube, Namespaces, { name: namespace })
  const stop = new AbortController()
  let written = 0
  const write = async (i: number): Promise<void> => {
    const type = i % 2 === 0 ? ConfigMaps : Secrets
    await make(kube, type, { namespace, name: `note-${i}` })
    await kube.patch(type, `note-${i}`, { merge: { metadata: { labels: { changed: 'yes' } } } }, { namespace })
    if (i % 5 === 4) await kube.delete(type, `note-${i}`, { namespace })
    written += 2
  }
  const loop = async (): Promise<void> => {
    const began = performance.now()
    for (let i = 0; !stop.signal.aborted; i += 4) {
      await Promise.all([0, 1, 2, 3].map((k) => write(i + k)))
      const ahead = (written / perSecond) * 1000 - (performance.now() - began)
      if (ahead > 0) await pause(ahead)
    }
  }
  const running = loop()
  return {
    get written() {
      return written
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
    },
  }
}

test('while 200 objects a second change, a backup holds exactly what there was at its version', async () => {
  await using cluster = await ownCluster()
  const { kube } = cluster
  await fillCluster(kube, { objects: 2000, parallel: 16 })
  const store = memoryStore()
  await using writer = await startWriter(kube, 200)
  while (writer.written < 200) await pause(10)
  const before = writer.written
  const backup = await backUp({ kube, store, spec: { includeClusterResources: true } })
  const during = writer.written - before
  assert.equal(backup.status?.phase, 'Completed')
  assert.ok(during >= 20, `only ${during} objects changed during the backup`)

  const contents = await readBackup(store)
  const { cut } = contents.trailer
  const expected = await objectsAt(kube, cut.resourceVersion)
  assert.ok(expected.size > 2000)
  assert.deepEqual([...contents.objects.keys()].toSorted(), [...expected.keys()].toSorted())
  for (const [path, object] of expected) assert.deepEqual(contents.objects.get(path), object)
  assert.deepEqual(contents.verification, { objects: expected.size, differences: [] })
  for (const type of cut.types) {
    assert.equal(type.resourceVersion, cut.resourceVersion)
    assert.ok(type.atCut, type.resource)
  }
  assert.equal(
    cut.types.reduce((sum, type) => sum + type.objects, 0),
    expected.size,
  )
})
