import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { backUpByCommand, backUpByServer } from './backup.ts'
import { startLifeboat, startVelero } from './backup-server.ts'
import { emptyCluster, filledCluster, type BenchCluster } from './bench-cluster.ts'
import { bucketStore, directoryStore, type BenchStore } from './bench-store.ts'
import { figuresOf, type Run } from './figures.ts'
import type { BenchOptions } from './options.ts'
import { runRaw, type Bench } from './party.ts'
import { countFilled, preparedObjects } from './prepared-objects.ts'
import type { Result } from './report.ts'
import { restoreByCommand, restoreByServer } from './restore-run.ts'

/** What is to be restored, and from where. */
interface Sources {
  store: BenchStore
  /** The peer's own. */
  bucket: BenchStore | undefined
  /** How many objects a restore creates. */
  objects: number
  /** How many of them must be there afterwards: without those of controllers. */
  lasting: number
  /** File with what the raw calls create. */
  prepared: string
}

const OURS = 'ours'
const PEERS = 'peer-1'

/** Restores a filled cluster's backup into empty clusters, a new one each time: by raw creates, by Lifeboat and by the peer. */
export async function benchRestoreIntoEmpty(options: BenchOptions, bench: Bench): Promise<Result> {
  const { peer, runs, door } = options
  await using store = options.store === 's3' ? await bucketStore('lifeboat') : directoryStore(bench.directory)
  await using bucket = peer === undefined ? undefined : await bucketStore('velero')
  const sources = await makeSources(options, bench, { store, bucket })
  const raw: Run[] = []
  const ours: Run[] = []
  for (let number = 1; number <= runs; number += 1) {
    bench.say(`run ${number} of ${runs}: raw creates`)
    raw.push(await inEmptyCluster(bench, sources, (cluster) => createRaw(bench, { cluster, sources, number })))
    bench.say(`run ${number} of ${runs}: Lifeboat`)
    const restore = (cluster: BenchCluster): Promise<Omit<Run, 'objects'>> =>
      door === 'cli'
        ? restoreByCommand(bench, { cluster, store, name: `restore-${number}`, backup: OURS })
        : restoreByServer(bench, { cluster, store, start: startLifeboat, backup: OURS })
    ours.push(await inEmptyCluster(bench, sources, restore))
  }
  const theirs: Run[] = []
  if (bucket !== undefined) {
    // Once: it takes minutes.
    bench.say('Velero restores')
    theirs.push(
      await inEmptyCluster(bench, sources, (cluster) =>
        restoreByServer(bench, { cluster, store: bucket, start: startVelero, backup: PEERS }),
      ),
    )
  }
  return {
    work: 'restore',
    options,
    ours: figuresOf(ours),
    raw: figuresOf(raw),
    peer: bucket === undefined ? undefined : figuresOf(theirs),
  }
}

/** Fills a cluster, backs it up with each program for that program, and writes down what raw calls are to create. */
async function makeSources(
  { objects }: BenchOptions,
  bench: Bench,
  { store, bucket }: Pick<Sources, 'store' | 'bucket'>,
): Promise<Sources> {
  const { signal, say, directory } = bench
  await using cluster = await filledCluster({ objects, signal, say })
  await backUpByCommand({ ...bench, profile: undefined }, { cluster, store, name: OURS, least: objects })
  const groups = await preparedObjects(cluster.kube, signal)
  const lasting = await countFilled(cluster.kube, signal)
  const prepared = join(directory, 'prepared.ndjson')
  await writeFile(prepared, groups.map((group) => `${JSON.stringify(group)}\n`).join(''))
  if (bucket !== undefined) {
    const once = { objects, runs: 1 }
    await backUpByServer(bench, { cluster, store: bucket, options: once, start: startVelero, name: 'peer' })
  }
  return { store, bucket, prepared, lasting, objects: groups.reduce((sum, { length }) => sum + length, 0) }
}

/** Does the work in a cluster of its own and makes sure that everything is there afterwards; all are measured by the same number of objects. */
async function inEmptyCluster(
  { signal }: Bench,
  { objects, lasting }: Sources,
  work: (cluster: BenchCluster) => Promise<Omit<Run, 'objects'>>,
): Promise<Run> {
  await using cluster = await emptyCluster(signal)
  const cost = await work(cluster)
  const found = await countFilled(cluster.kube, signal)
  if (found < lasting) throw new Error(`${found} of ${lasting} objects are in the cluster after the restore`)
  return { ...cost, objects }
}

function createRaw(
  bench: Bench,
  { cluster, sources, number }: { cluster: BenchCluster; sources: Sources; number: number },
): Promise<Run> {
  return runRaw(bench, cluster, {
    name: `raw-create-${number}`,
    script: 'bench/raw-create.ts',
    args: [sources.prepared],
  })
}
