import { Backups } from '#api/backup.ts'
import { startLifeboat, type BackupServer } from './backup-server.ts'
import { emptyCluster, listPath, type BenchCluster } from './bench-cluster.ts'
import { bucketStore, directoryStore, type BenchStore } from './bench-store.ts'
import { figuresOf, median, type Cost, type Figures } from './figures.ts'
import { install, serverNamespace } from './installation.ts'
import { makeManyBackups } from './many-backups.ts'
import type { BenchOptions } from './options.ts'
import { runRaw, serverDirectory, type Bench } from './party.ts'
import { costOfStart, costWhile } from './server-cost.ts'
import { untilSaid } from './server-log.ts'

/** What it costs to keep Backup objects in step with a location that holds many. */
export interface SyncResult {
  readonly options: BenchOptions
  /** A server that knows none of them, until it has made all objects. */
  readonly first: Cost
  /** Another one that finds everything done, until it has looked through the location. */
  readonly start: Cost
  /** One look of that one when nothing has changed: seconds of the look itself, the rest of all the server does meanwhile. */
  readonly pass: Cost
  readonly rawFolders: Figures
  readonly rawObjects: Figures
}

/** How often the server looks while it is measured. */
const PERIOD_SECONDS = 5
const SENTENCE = 'location looked through'

/** Fills a location with backups and has a server keep objects for them. */
export async function benchSync(options: BenchOptions, bench: Bench): Promise<SyncResult> {
  const { backups, runs } = options
  const { signal, say } = bench
  say('starting a cluster')
  await using cluster = await emptyCluster(signal)
  await using store = options.store === 's3' ? await bucketStore('lifeboat') : directoryStore(bench.directory)
  say(`making ${backups} backups`)
  await makeManyBackups(store.folder, backups, signal)
  await install(cluster.kube, { ...store.location, backupSyncPeriod: `${PERIOD_SECONDS}s` }, signal)
  say('a server finds them')
  const first = await firstLook(bench, { cluster, store, backups })
  say('another one finds everything done')
  const { start, pass } = await laterLooks(bench, { cluster, store, runs })
  const raw = { folders: [] as Cost[], objects: [] as Cost[] }
  const path = listPath(Backups).replace('/backups', `/namespaces/${serverNamespace}/backups`)
  for (let run = 1; run <= runs; run += 1) {
    say(`raw lists ${run} of ${runs}`)
    raw.folders.push(await rawFolders(bench, { cluster, store, backups, run }))
    raw.objects.push(await rawObjects(bench, { cluster, path, backups, run }))
  }
  return { options, first, start, pass, rawFolders: figures(raw.folders), rawObjects: figures(raw.objects) }
}

interface Place {
  readonly cluster: BenchCluster
  readonly store: BenchStore
}

async function firstLook(bench: Bench, { cluster, store, backups }: Place & { backups: number }): Promise<Cost> {
  const { signal } = bench
  const { cost, server } = await costOfStart(cluster, () => serverThatLooked(bench, { cluster, store, name: 'first' }))
  await server[Symbol.asyncDispose]()
  const { remaining = 0 } = await cluster.kube.list(Backups, { namespace: serverNamespace, limit: 1, signal })
  if (remaining + 1 !== backups) throw new Error(`${remaining + 1} of ${backups} backups have an object`)
  return cost
}

async function laterLooks(
  bench: Bench,
  { cluster, store, runs }: Place & { runs: number },
): Promise<{ start: Cost; pass: Cost }> {
  const { signal } = bench
  const started = await costOfStart(cluster, () => serverThatLooked(bench, { cluster, store, name: 'second' }))
  await using server = started.server
  // The other things that a server does first are over by the second look.
  const before = (await untilSaid(server, { sentence: SENTENCE, times: 3, minutes: 10, signal })).length
  const { cost, done } = await costWhile({ cluster, server }, () =>
    untilSaid(server, { sentence: SENTENCE, times: before + runs, minutes: 10, signal }),
  )
  const seconds = median(done.slice(before).map((line) => line.seconds ?? 0))
  const pass = { ...cost, seconds, cpuSeconds: cost.cpuSeconds / runs, apiCalls: cost.apiCalls / runs }
  return { start: started.cost, pass }
}

async function serverThatLooked(
  bench: Bench,
  { cluster, store, name }: Place & { name: string },
): Promise<BackupServer> {
  const { bundle, profile, signal } = bench
  const directory = serverDirectory(bench, `${name}-server`)
  const args = ['--log-level', 'debug']
  const { kubeconfigPath } = cluster
  const server = await startLifeboat({ kubeconfigPath, store, directory, bundle, args, profile, signal })
  await untilSaid(server, { sentence: SENTENCE, times: 1, minutes: 30, signal })
  return server
}

async function rawFolders(
  bench: Bench,
  { cluster, store, backups, run }: Place & { backups: number; run: number },
): Promise<Cost> {
  const { s3Url } = store.location.config ?? {}
  const { bucket, prefix = '' } = store.location.objectStorage
  const args = s3Url === undefined ? [store.folder] : [s3Url, bucket, prefix]
  const program = { name: `raw-folders-${run}`, script: 'bench/raw-folders.ts', args, env: store.env }
  return counted(await runRaw(bench, cluster, program), backups)
}

async function rawObjects(
  bench: Bench,
  { cluster, path, backups, run }: Pick<Place, 'cluster'> & { path: string; backups: number; run: number },
): Promise<Cost> {
  const program = { name: `raw-objects-${run}`, script: 'bench/raw-list.ts', args: [path] }
  return counted(await runRaw(bench, cluster, program), backups)
}

function counted({ objects, ...cost }: Cost & { objects: number }, expected: number): Cost {
  if (objects !== expected) throw new Error(`a raw list shows ${objects} of ${expected} backups`)
  return cost
}

function figures(costs: readonly Cost[]): Figures {
  return figuresOf(costs.map((cost) => ({ ...cost, objects: 1 })))
}
