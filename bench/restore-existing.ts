import { backUpByCommand, backUpByServer } from './backup.ts'
import { startLifeboat, startVelero } from './backup-server.ts'
import { backedUpTypes, filledCluster, listPath, type BenchCluster } from './bench-cluster.ts'
import { bucketStore, directoryStore } from './bench-store.ts'
import { countDrifted, drift } from './drift.ts'
import { figuresOf, type Cost, type Run } from './figures.ts'
import type { BenchOptions } from './options.ts'
import { runRaw, type Bench } from './party.ts'
import { countFilled, preparedObjects } from './prepared-objects.ts'
import type { Result } from './report.ts'
import { restoreByCommand, restoreByServer } from './restore-run.ts'

const OURS = 'ours'
const PEERS = 'peer-1'

/**
 * Restores a cluster's backup into that very cluster: with nothing changed, or, to be updated, after every tenth object has changed. Next to
 * lists of everything, which is the least that must be read.
 */
export async function benchRestoreOverExisting(options: BenchOptions, bench: Bench): Promise<Result> {
  const { objects, peer, runs, door } = options
  const { signal, say } = bench
  await using cluster = await filledCluster({ objects, signal, say })
  await using store = options.store === 's3' ? await bucketStore('lifeboat') : directoryStore(bench.directory)
  await using bucket = peer === undefined ? undefined : await bucketStore('velero')
  await backUpByCommand({ ...bench, profile: undefined }, { cluster, store, name: OURS, least: objects })
  const site = await siteOf(options, bench, cluster)
  const raw: Run[] = []
  const ours: Run[] = []
  const theirs: Run[] = []
  const updates = options.case === 'update'
  for (let number = 1; number <= runs; number += 1) {
    say(`run ${number} of ${runs}`)
    raw.push({ ...(await site.list(number)), objects: site.objects })
    const restore = (): Promise<Cost> =>
      door === 'cli'
        ? restoreByCommand(bench, { cluster, store, name: `restore-${number}`, backup: OURS, updates })
        : restoreByServer(bench, { cluster, store, start: startLifeboat, backup: OURS, updates })
    ours.push(await site.measured(restore))
  }
  if (bucket !== undefined) {
    const once = { objects, runs: 1 }
    await backUpByServer(bench, { cluster, store: bucket, options: once, start: startVelero, name: 'peer' })
    // Once: it takes minutes.
    say('Velero restores')
    const restore = (): Promise<Cost> =>
      restoreByServer(bench, { cluster, store: bucket, start: startVelero, backup: PEERS, updates })
    theirs.push(await site.measured(restore))
  }
  return {
    work: 'restore',
    options,
    ours: figuresOf(ours),
    raw: figuresOf(raw),
    peer: bucket === undefined ? undefined : figuresOf(theirs),
  }
}

interface Site {
  /** How many a restore goes through; the same number for all. */
  objects: number
  list(number: number): Promise<Run>
  /** Lets objects drift if that is the case, restores, and makes sure that all are there and as they were. */
  measured(restore: () => Promise<Cost>): Promise<Run>
}

async function siteOf(options: BenchOptions, bench: Bench, cluster: BenchCluster): Promise<Site> {
  const { signal, say } = bench
  const { kube } = cluster
  const objects = (await preparedObjects(kube, signal)).reduce((sum, { length }) => sum + length, 0)
  const lasting = await countFilled(kube, signal)
  const paths = (await backedUpTypes(kube, signal)).map(listPath)
  return {
    objects,
    list: (number) => runRaw(bench, cluster, { name: `raw-list-${number}`, script: 'bench/raw-list.ts', args: paths }),
    async measured(restore) {
      if (options.case === 'update') say(`${await drift(kube, signal)} objects have drifted`)
      const cost = await restore()
      const [found, drifted] = [await countFilled(kube, signal), await countDrifted(kube, signal)]
      if (found < lasting) throw new Error(`${found} of ${lasting} objects are in the cluster after the restore`)
      if (drifted > 0) throw new Error(`${drifted} objects are not as they were after the restore`)
      return { ...cost, objects }
    },
  }
}
