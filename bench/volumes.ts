import { Namespaces } from '#kube/object.ts'
import { connectTo } from '../test/support/cluster.ts'
import { claim } from '../test/support/csi/claims.ts'
import { make } from '../test/support/objects.ts'
import { installed } from './backup.ts'
import { startLifeboat, startVelero, type StartServer } from './backup-server.ts'
import { countingRequests } from './bench-cluster.ts'
import { bucketStore, directoryStore, type BenchStore } from './bench-store.ts'
import { customBackup } from './custom-run.ts'
import { costOf, median, type Cost } from './figures.ts'
import type { BenchOptions } from './options.ts'
import { completedBackup, runCommand, runOnServer, type Bench } from './party.ts'
import { clearSnapshots, rawSnapshots, untilNoneKnown } from './raw-snapshots.ts'
import { storageCluster, type StorageCluster } from './storage-cluster.ts'

/** What one program needed for a backup of all volumes. */
export interface VolumesCost extends Cost {
  /** A backup of the same without snapshots. */
  without: Pick<Cost, 'seconds' | 'apiCalls'>
}

/** What a backup of many volumes costs. */
export interface VolumesResult {
  readonly options: BenchOptions
  /** Seconds that the slowest of a few snapshots took, each by itself. */
  readonly single: number
  /** All snapshots asked for at once, until all are ready: what driver and controllers need. */
  readonly raw: { readonly seconds: number; readonly apiCalls: number }
  readonly ours: VolumesCost
  readonly peer: VolumesCost | undefined
}

/** How many snapshots are taken by themselves. */
export const SINGLES = 3
const namespace = 'volumes'

/** Backs up a namespace with nothing in it but claims of a CSI driver: by raw snapshots, by Lifeboat and by the peer. */
export async function benchVolumes(options: BenchOptions, bench: Bench): Promise<VolumesResult> {
  const { signal, say } = bench
  say('starting a cluster with a node and storage')
  await using cluster = await storageCluster(signal)
  const claims = await makeVolumes(cluster, options, bench)
  await using raws = await rawDoor(cluster, signal)
  const singles: number[] = []
  for (const one of claims.slice(0, SINGLES)) singles.push((await raws.measure([one])).seconds)
  const single = Math.max(...singles)
  say(`the slowest of ${singles.length} snapshots by themselves took ${single.toFixed(2)} s`)
  const raw: Awaited<ReturnType<typeof raws.measure>>[] = []
  const takeTurns = async (): Promise<void> => {
    raw.push(await raws.measure(claims))
    say(`raw: ${raw.at(-1)?.seconds.toFixed(2)} s`)
  }
  await using store = options.store === 's3' ? await bucketStore('lifeboat') : directoryStore(bench.directory)
  const given = { cluster, store, volumes: claims.length, runs: options.runs, name: 'ours', beforeEach: takeTurns }
  const ours =
    options.door === 'cli' ? await byCommand(bench, given) : await byServer(bench, { ...given, start: startLifeboat })
  const peer = options.peer === undefined ? undefined : await byPeer(bench, given, options.peerRuns)
  const seconds = median(raw.map((one) => one.seconds))
  return { options, single, raw: { seconds, apiCalls: median(raw.map((one) => one.apiCalls)) }, ours, peer }
}

/** Makes claims that are bound, whose snapshots get ready when the options say; gives their names. */
async function makeVolumes(
  { kube, storage }: StorageCluster,
  { volumes, readyAfter }: BenchOptions,
  { say }: Bench,
): Promise<string[]> {
  say(`making ${volumes} volumes`)
  await make(kube, Namespaces, { name: namespace })
  const names = Array.from({ length: volumes }, (_, number) => `volume-${number}`)
  for (const name of names) await claim(kube, { namespace, name })
  for (const name of names) {
    const handle = await storage.handleOf({ namespace, name })
    if (readyAfter > 0) await storage.fault(handle, { readyAfterMs: readyAfter * 1000 })
  }
  return names
}

/** Raw snapshots by the measured user, cleared away each time. */
async function rawDoor(cluster: StorageCluster, signal: AbortSignal) {
  const kube = await connectTo(cluster.kubeconfigPath)
  return {
    async measure(claims: readonly string[]): Promise<{ seconds: number; apiCalls: number }> {
      const order = { namespace, claims, signal }
      const { done, apiCalls } = await countingRequests(cluster.api, () => rawSnapshots(kube, order))
      await clearSnapshots(cluster.kube, order)
      return { seconds: done, apiCalls }
    },
    [Symbol.asyncDispose]: () => kube.close(),
  }
}

interface Given {
  readonly cluster: StorageCluster
  readonly store: BenchStore
  readonly volumes: number
  readonly runs: number
  /** Of the backups, with a number behind. */
  readonly name: string
  readonly beforeEach?: (() => Promise<void>) | undefined
}

/** One backup: with snapshots, or the same without. */
type MakeBackup = (name: string, snapshots: boolean) => Promise<Cost>

function byCommand(bench: Bench, given: Given): Promise<VolumesCost> {
  return measured(bench, given, (name, snapshots) => {
    const flags = ['--include-namespaces', namespace, ...(snapshots ? [] : ['--snapshot-volumes=false'])]
    return runCommand(bench, { ...given, name, args: ['backup', 'create', name, ...flags] })
  })
}

async function byServer(bench: Bench, given: Given & { start: StartServer }): Promise<VolumesCost> {
  const { cluster } = given
  await using server = await installed(bench, given)
  return await measured(bench, given, (name, snapshots) => {
    const spec = { includedNamespaces: [namespace], ...(snapshots ? {} : { snapshotVolumes: false }) }
    return runOnServer(server, cluster, async () => {
      const began = performance.now()
      const ended = await customBackup(cluster.kube, { name, spec, signal: bench.signal })
      if (!snapshots) return ended
      // What is done after the end costs calls and processor time, too.
      await untilNoneKnown(cluster.kube, { namespace, signal: bench.signal })
      bench.say(
        `${name}: its snapshots had left the cluster after ${((performance.now() - began) / 1000).toFixed(2)} s`,
      )
      return ended
    })
  })
}

async function byPeer(bench: Bench, given: Given, runs: number): Promise<VolumesCost> {
  await using store = await bucketStore('velero')
  const start: StartServer = (setting) => startVelero({ ...setting, features: ['EnableCSI'] })
  return await byServer(bench, { ...given, store, runs, name: 'peer', beforeEach: undefined, start })
}

async function measured(bench: Bench, given: Given, makeBackup: MakeBackup): Promise<VolumesCost> {
  const { cluster, store, volumes, runs, name } = given
  const { signal, say } = bench
  const withSnapshots = async (backup: string): Promise<Cost> => {
    const cost = await makeBackup(backup, true)
    const { csiVolumeSnapshotsCompleted: found = 0 } = await completedBackup(store, backup)
    if (found !== volumes) throw new Error(`backup ${backup} has ${found} of ${volumes} snapshots`)
    // What the controllers still do is no part of what is measured next.
    await clearSnapshots(cluster.kube, { namespace, signal })
    return cost
  }
  const without = await makeBackup(`${name}-without`, false)
  const costs: Cost[] = []
  for (let number = 1; number <= runs; number += 1) {
    await given.beforeEach?.()
    const cost = await withSnapshots(`${name}-${number}`)
    say(`${name}, run ${number} of ${runs}: ${cost.seconds.toFixed(2)} s, ${cost.apiCalls} calls`)
    costs.push(cost)
  }
  return { ...costOf(costs), without }
}
