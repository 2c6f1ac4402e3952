import { isDeepStrictEqual } from 'node:util'
import { setTimeout as pause } from 'node:timers/promises'
import { openManifest, type ManifestTrailer } from '#archive/manifest.ts'
import { openArchive, type OpenArchive } from '#archive/open.ts'
import type { KubeClient } from '#kube/client.ts'
import { parseJson } from '#kube/json.ts'
import type { KubeObject } from '#kube/object.ts'
import { apiVersionOf, resourceName } from '#kube/object.ts'
import { backupKey } from '#store/layout.ts'
import { backUpByCommand } from './backup.ts'
import { filledCluster } from './bench-cluster.ts'
import { bucketStore, directoryStore, type BenchStore } from './bench-store.ts'
import { churnKinds } from './churn-objects.ts'
import type { BenchOptions } from './options.ts'
import type { Bench } from './party.ts'

/** What came of backups of a cluster that changes all the time. */
export interface ChurnResult {
  readonly runs: number
  /** Runs whose archive was, object for object, what the API server lists at the cut. */
  readonly equal: number
  /** Changes a second, in the run in which there were fewest. */
  readonly slowest: number
  readonly lines: readonly string[]
}

/** Backs up a cluster while `changes` objects a second are made, changed and deleted, and compares each archive with the API server at the cut. */
export async function benchChurn(options: BenchOptions, bench: Bench): Promise<ChurnResult> {
  const { objects, shape, store: kind, runs, changes } = options
  const { signal, say } = bench
  await using cluster = await filledCluster({ objects, shape, signal, say })
  await using store = kind === 's3' ? await bucketStore('lifeboat') : directoryStore(bench.directory)
  await using writer = await startWriter(cluster.kube, changes)
  await pause(2000, undefined, { signal })
  const lines: string[] = []
  let equal = 0
  let slowest = Infinity
  for (let run = 1; run <= runs; run += 1) {
    const name = `churn-${run}`
    const [before, began] = [writer.written(), performance.now()]
    const args = ['--include-cluster-resources']
    const { objects: taken } = await backUpByCommand(bench, { cluster, store, name, least: objects, args })
    const seconds = (performance.now() - began) / 1000
    const rate = (writer.written() - before) / seconds
    slowest = Math.min(slowest, rate)
    const { compared, differences } = await compare(cluster.kube, { store, name, bench })
    if (differences.length === 0) equal += 1
    const verdict = differences.length === 0 ? 'equal' : `DIFFERENT: ${differences.slice(0, 5).join('; ')}`
    lines.push(
      `run ${run}: ${taken} objects in ${seconds.toFixed(1)} s, ${rate.toFixed(0)} changes/s, ${compared} compared, ${verdict}`,
    )
    say(lines.at(-1) ?? '')
  }
  return { runs, equal, slowest, lines }
}

interface Writer extends AsyncDisposable {
  /** Changes so far. */
  written(): number
}

/** So many writes may wait for the API server while a backup keeps it busy, without the rate falling. */
const WORKERS = 32

/** Makes an object, changes it and deletes two of three, type after type, at a steady rate until disposed. */
async function startWriter(kube: KubeClient, perSecond: number): Promise<Writer> {
  const namespace = 'restless'
  await kube.create(
    { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false },
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
  )
  const stop = new AbortController()
  const began = performance.now()
  let [written, next] = [0, 0]
  const paced = async (write: () => Promise<unknown>): Promise<void> => {
    written += 1
    const ahead = (written / perSecond) * 1000 - (performance.now() - began)
    if (ahead > 0) await pause(ahead)
    await write()
  }
  const worker = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const number = next++
      const { type, fields } = churnKinds[number % churnKinds.length]!
      const name = `restless-${number}`
      const object: KubeObject = {
        apiVersion: apiVersionOf(type),
        kind: type.kind,
        metadata: { name },
        ...fields(name),
      }
      await paced(() => kube.create(type, object, { namespace }))
      await paced(() => kube.patch(type, name, { merge: { metadata: { labels: { changed: 'yes' } } } }, { namespace }))
      if (number % 3 > 0) await paced(() => kube.delete(type, name, { namespace }))
    }
  }
  const working = Promise.all(Array.from({ length: WORKERS }, worker))
  // Told when it is disposed.
  working.catch(() => undefined)
  return {
    written: () => written,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await working
    },
  }
}

/** Types whose objects show under another type as well. */
const twins = new Set(['events.events.k8s.io'])

/** Every difference between the archive and what the API server lists at the version of the cut, both ways. */
async function compare(
  kube: KubeClient,
  given: { store: BenchStore; name: string; bench: Bench },
): Promise<{ compared: number; differences: string[] }> {
  const { archive, trailer } = await openBackup(given)
  await using _open = archive
  const differences = trailer.cut.types
    .filter((type) => !type.atCut)
    .map((type) => `${type.resource} is outside the cut`)
  const unseen = new Set(Array.from(archive.entries(), ({ path }) => path))
  let compared = 0
  for (const type of (await kube.discover()).types) {
    const resource = resourceName(type)
    const taken = ['list', 'create', 'get', 'delete'].every((verb) => type.verbs.includes(verb))
    if (!type.preferred || !taken || twins.has(resource)) continue
    const { resourceVersion } = trailer.cut
    for await (const page of kube.pages(type, {
      resourceVersion,
      resourceVersionMatch: 'Exact',
      signal: given.bench.signal,
    })) {
      for (const object of page.items) {
        const { namespace, name } = object.metadata
        const path = `resources/${resource}/${namespace === undefined ? 'cluster' : `namespaces/${namespace}`}/${name}.json`
        const entry = archive.find(path)
        unseen.delete(path)
        compared += 1
        // Objects that were being deleted at that moment stay out.
        if (entry === undefined) {
          if (object.metadata.deletionTimestamp === undefined) differences.push(`${path} is missing`)
        } else if (!isDeepStrictEqual(await archive.read(entry), object)) differences.push(`${path} is different`)
      }
    }
  }
  return { compared, differences: [...differences, ...[...unseen].map((path) => `${path} is not in the cluster`)] }
}

async function openBackup({
  store,
  name,
  bench,
}: {
  store: BenchStore
  name: string
  bench: Bench
}): Promise<{ archive: OpenArchive; trailer: ManifestTrailer }> {
  const opened = await store.open()
  try {
    const manifest = await openManifest(await opened.get(backupKey(name, 'manifest')))
    const trailer = await manifest.trailer()
    const bytes = await opened.get(backupKey(name, 'contents'))
    const archive = await openArchive(bytes, { spoolDir: bench.directory, parse: parseJson, signal: bench.signal })
    return { archive, trailer }
  } finally {
    await opened.close()
  }
}
