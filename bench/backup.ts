import { setTimeout as sleep } from 'node:timers/promises'
import { backedUpTypes, filledCluster, listPath, type BenchCluster } from './bench-cluster.ts'
import { startLifeboat, startVelero, type BackupServer, type StartServer } from './backup-server.ts'
import { bucketStore, directoryStore, type BenchStore } from './bench-store.ts'
import { customBackup } from './custom-run.ts'
import { figuresOf, type Run } from './figures.ts'
import { install, untilAvailable } from './installation.ts'
import type { BenchOptions } from './options.ts'
import { objectsInBackup, runCommand, runOnServer, runRaw, serverDirectory, type Bench } from './party.ts'
import type { Result } from './report.ts'

/** Backs up everything in a filled cluster: by raw lists, by Lifeboat and by the peer, in turns. */
export async function benchBackup(options: BenchOptions, bench: Bench): Promise<Result> {
  const { objects, shape, store: kind, door, peer, runs } = options
  const { signal, say } = bench
  await using cluster = await filledCluster({ objects, shape, signal, say })
  await using store = kind === 's3' ? await bucketStore('lifeboat') : directoryStore(bench.directory)
  const paths = (await backedUpTypes(cluster.kube, signal)).map(listPath)
  const raw: Run[] = []
  const ours: Run[] = []
  const list = async (number: number): Promise<void> => {
    raw.push(await runRaw(bench, cluster, { name: `raw-list-${number}`, script: 'bench/raw-list.ts', args: paths }))
  }
  if (door === 'cli') {
    for (let number = 1; number <= runs; number += 1) {
      say(`run ${number} of ${runs}`)
      await list(number)
      ours.push(await backUpByCommand(bench, { cluster, store, name: `ours-${number}`, least: objects }))
    }
  } else {
    const request = { cluster, store, options, start: startLifeboat, name: 'ours', beforeEach: list }
    ours.push(...(await backUpByServer(bench, request)))
  }
  const theirs = peer === undefined ? [] : await backUpByPeer(bench, cluster, options)
  return {
    work: 'backup',
    options,
    ours: figuresOf(ours),
    raw: figuresOf(raw),
    peer: peer === undefined ? undefined : figuresOf(theirs),
  }
}

/** One backup by the command line, as a process of its own. */
export async function backUpByCommand(
  bench: Bench,
  given: { cluster: BenchCluster; store: BenchStore; name: string; least: number; args?: readonly string[] },
): Promise<Run> {
  const { store, name, least, args = [] } = given
  const cost = await runCommand(bench, { ...given, args: ['backup', 'create', name, ...args] })
  return { ...cost, objects: await objectsInBackup(store, name, least) }
}

interface ServerBackups {
  cluster: BenchCluster
  store: BenchStore
  options: Pick<BenchOptions, 'objects' | 'runs'>
  start: StartServer
  /** Of the backups, with a number behind. */
  name: string
  /** What takes turns with the backups. */
  beforeEach?: ((number: number) => Promise<void>) | undefined
}

/** Backups by a server that is started for them, asked for through the API server. */
export async function backUpByServer(bench: Bench, given: ServerBackups): Promise<Run[]> {
  const { cluster, store, options, name } = given
  const { signal, say } = bench
  await using server = await installed(bench, given)
  const runs: Run[] = []
  for (let number = 1; number <= options.runs; number += 1) {
    say(`server ${name}: run ${number} of ${options.runs}`)
    await given.beforeEach?.(number)
    const backup = `${name}-${number}`
    const cost = await runOnServer(server, cluster, () => customBackup(cluster.kube, { name: backup, signal }))
    runs.push({ ...cost, objects: await objectsInBackup(store, backup, options.objects) })
  }
  return runs
}

/** Puts custom types and a location into the cluster and starts a server for them. */
export async function installed(
  bench: Bench,
  { cluster, store, start, name }: Pick<ServerBackups, 'cluster' | 'store' | 'start' | 'name'>,
): Promise<BackupServer> {
  const { signal, profile, bundle, say } = bench
  say(`starting the server of ${name}`)
  await install(cluster.kube, store.location, signal)
  const directory = serverDirectory(bench, `${name}-server`)
  const server = await start({ kubeconfigPath: cluster.kubeconfigPath, store, directory, bundle, profile, signal })
  await untilAvailable(cluster.kube, signal)
  // What a server does when it starts is no part of the work it is asked for.
  await sleep(2000, undefined, { signal })
  return server
}

async function backUpByPeer(bench: Bench, cluster: BenchCluster, options: BenchOptions): Promise<Run[]> {
  await using bucket = await bucketStore('velero')
  const often = { objects: options.objects, runs: options.peerRuns }
  return await backUpByServer(bench, { cluster, store: bucket, options: often, start: startVelero, name: 'peer' })
}
