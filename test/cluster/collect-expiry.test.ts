import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { KubeClient, ListOptions } from '#kube/client.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import type { Cut } from '#archive/manifest.ts'
import { decodeResourceList, type ResourceList } from '#archive/resource-list.ts'
import { resourceName } from '#kube/object.ts'
import { backupKey } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import { memoryStore } from '#store/memory.ts'
import { backUp, namesOf, readBackup, type StoredContents } from '../support/backup-run.ts'
import { ownCluster } from '../support/cluster.ts'
import { compact } from '../support/etcd.ts'
import { ConfigMaps, Definitions, make, Namespaces } from '../support/objects.ts'

const OBJECTS = 3000
const namespace = 'archive'

let cluster: Awaited<ReturnType<typeof ownCluster>>
let kube: KubeClient
before(async () => {
  cluster = await ownCluster()
  ;({ kube } = cluster)
  await make(kube, Namespaces, { name: namespace })
  const numbers = Array.from({ length: OBJECTS }, (_, i) => i).values()
  const worker = async (): Promise<void> => {
    for (const i of numbers) await make(kube, ConfigMaps, { namespace, name: nameOf(i) })
  }
  await Promise.all(Array.from({ length: 16 }, worker))
})
after(() => cluster[Symbol.asyncDispose]())

function nameOf(i: number): string {
  return `entry-${String(i).padStart(5, '0')}`
}

/** The real client, with something that happens once, just before one of its lists or after one of its pages. */
function interruptedBy(
  event: () => Promise<void>,
  at: { list?: (type: { readonly plural: string }, options: ListOptions) => boolean; afterPage?: number },
): KubeClient {
  let happened: Promise<void> | undefined
  return {
    ...kube,
    async listRaw(type, options = {}) {
      if (at.list?.(type, options) === true) await (happened ??= event())
      return kube.listRaw(type, options)
    },
    async *pagesAfter(first, type, options) {
      let read = 0
      for await (const page of kube.pagesAfter(first, type, options)) {
        yield page
        read += 1
        if (type.plural === ConfigMaps.plural && read === at.afterPage) await (happened ??= event())
      }
    },
  }
}

/** What happens while the version of the backup is forgotten: one object comes, one that was read goes, one that was not read changes. */
async function changeAndCompact(run: string): Promise<void> {
  await make(kube, ConfigMaps, { namespace, name: `zz-late-${run}` })
  await kube.patch(ConfigMaps, nameOf(OBJECTS - 1), { merge: { data: { run } } }, { namespace })
  await kube.delete(ConfigMaps, nameOf(run === 'midway' ? 0 : 1), { namespace })
  await compact(kube, cluster.sandbox.etcdUrl)
}

async function namesNow(): Promise<string[]> {
  const { items } = await kube.list(ConfigMaps, { limit: 100_000 })
  return items.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).toSorted()
}

/** Types that nothing could be proved of. */
function outsideOf(cut: Cut): string[] {
  return cut.types.filter((type) => !type.atCut).map((type) => `${type.resource}: ${type.reason}`)
}

async function resourceListOf(store: ObjectStore): Promise<ResourceList> {
  return await decodeResourceList(await store.get(backupKey('nightly', 'resource-list')))
}

/** Everything in the archive that the API server shows differently at the version of the cut, both ways. Types that change all the time prove it best. */
async function differencesFromCluster(contents: StoredContents): Promise<string[]> {
  const { resourceVersion } = contents.trailer.cut
  const differences: string[] = []
  const { types } = await kube.discover()
  for (const line of contents.trailer.cut.types) {
    const type = types.find((one) => resourceName(one) === line.resource && one.version === line.version)
    if (type === undefined) continue
    const { items } = await kube.list(type, { resourceVersion, resourceVersionMatch: 'Exact', limit: 100_000 })
    const folder = `resources/${line.resource}/`
    const archived = new Map([...contents.objects].filter(([path]) => path.startsWith(folder)))
    for (const object of items) {
      const { namespace: at, name } = object.metadata
      const path = `${folder}${at === undefined ? 'cluster' : `namespaces/${at}`}/${name}.json`
      const same = JSON.stringify(archived.get(path)) === JSON.stringify(object)
      if (!same) differences.push(`${path} is ${archived.has(path) ? 'different' : 'missing'}`)
      archived.delete(path)
    }
    differences.push(...[...archived.keys()].map((path) => `${path} is not in the cluster`))
  }
  return differences
}

const lastOf = (objects: ReadonlyMap<string, KubeObject>): KubeObject | undefined =>
  objects.get(`resources/configmaps/namespaces/${namespace}/${nameOf(OBJECTS - 1)}.json`)

// Events are left out: the API server keeps none of them in memory, so they are what stays outside the cut then.
test('a list whose version expires midway goes on at a later one, to which everything else is brought', async () => {
  const restless = interruptedBy(() => changeAndCompact('midway'), { afterPage: 2 })
  const store = memoryStore()
  await backUp({
    kube: restless,
    store,
    spec: { includeClusterResources: true, excludedResources: ['events', 'events.events.k8s.io'] },
  })
  const contents = await readBackup(store)
  const { cut } = contents.trailer
  const configMaps = cut.types.find(({ resource }) => resource === 'configmaps')
  assert.deepEqual([configMaps?.atCut, configMaps?.reason], [true, undefined])
  // The one that was deleted after it had been read, at least; the created and the changed one came with the rest of the list.
  assert.ok((configMaps?.replayed?.changes ?? 0) > 0)
  assert.ok(cut.types.every((type) => !type.atCut || type.resourceVersion === cut.resourceVersion))
  assert.deepEqual(outsideOf(cut), [])
  assert.deepEqual(await differencesFromCluster(contents), [])
  assert.deepEqual(namesOf(contents, 'configmaps'), await namesNow())
  assert.deepEqual(contents.trailer.withdrawn?.length, 2)
  const list = await resourceListOf(store)
  assert.ok(!list['v1/ConfigMap']?.includes(`${namespace}/${nameOf(0)}`))
  assert.deepEqual(contents.verification.differences, [])
  assert.equal(configMaps?.objects, namesOf(contents, 'configmaps').length)
  assert.deepEqual(lastOf(contents.objects)?.['data'], { run: 'midway' })
})

test('a type that is begun after the version of the backup expired moves the cut of all', async () => {
  const isFirst = (type: { readonly plural: string }, { resourceVersionMatch }: ListOptions): boolean =>
    type.plural === ConfigMaps.plural && resourceVersionMatch === 'Exact'
  const restless = interruptedBy(() => changeAndCompact('start'), { list: isFirst })
  const store = memoryStore()
  await backUp({
    kube: restless,
    store,
    spec: { includeClusterResources: true, excludedResources: ['events', 'events.events.k8s.io'] },
  })
  const contents = await readBackup(store)
  const { cut } = contents.trailer
  const configMaps = cut.types.find(({ resource }) => resource === 'configmaps')
  assert.deepEqual([configMaps?.atCut, configMaps?.resourceVersion], [true, cut.resourceVersion])
  assert.deepEqual(outsideOf(cut), [])
  assert.deepEqual(await differencesFromCluster(contents), [])
  assert.deepEqual(namesOf(contents, 'configmaps'), await namesNow())
  assert.deepEqual(contents.verification.differences, [])
  assert.deepEqual(lastOf(contents.objects)?.['data'], { run: 'start' })
})

test('a watch and a list from a version that is no longer kept are refused as expired', async () => {
  const { resourceVersion } = await kube.list(Namespaces, { limit: 1 })
  const group = 'expiry.lifeboat.test'
  const Crates: ResourceType = { group, version: 'v1', plural: 'crates', kind: 'Crate', namespaced: false }
  const openAPIV3Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  // The API server keeps the last events of a type in memory even when etcd does not: those of a new type begin with the type.
  await make(kube, Definitions, {
    name: `crates.${group}`,
    spec: {
      group,
      scope: 'Cluster',
      names: { plural: 'crates', kind: 'Crate' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }],
    },
  })
  while ((await kube.discover()).types.every(({ plural }) => plural !== 'crates')) await pause(100)
  await make(kube, Crates, { name: 'apples' })
  await compact(kube, cluster.sandbox.etcdUrl)
  const expired = { problem: 'expired', status: 410, message: /list again/ }
  await assert.rejects(Array.fromAsync(kube.watch(Crates, { resourceVersion })), expired)
  await assert.rejects(kube.list(Crates, { resourceVersion, resourceVersionMatch: 'Exact' }), expired)
})

test('a backup that is told of a version shows the cluster as it was then, and as it is now once that is forgotten', async () => {
  const mark = async (i: number): Promise<string> => {
    const merge = { metadata: { labels: { marked: 'yes' } } }
    return (await kube.patch(ConfigMaps, nameOf(i), { merge }, { namespace })).metadata.resourceVersion ?? ''
  }
  const spec = { includedNamespaces: [namespace], labelSelector: { matchLabels: { marked: 'yes' } } }
  const shown = async (version: string): Promise<{ at: string; names: string[] }> => {
    const store = memoryStore()
    await backUp({ kube, store, spec, version })
    const contents = await readBackup(store)
    return { at: contents.trailer.cut.resourceVersion, names: namesOf(contents, 'configmaps') }
  }
  const version = await mark(10)
  await mark(11)
  const first = `${namespace}/${nameOf(10)}`
  assert.deepEqual(await shown(version), { at: version, names: [first] })
  await compact(kube, cluster.sandbox.etcdUrl)
  const later = await shown(version)
  assert.notEqual(later.at, version)
  assert.deepEqual(later.names, [first, `${namespace}/${nameOf(11)}`])
})
