import { join } from 'node:path'
import { Backups, type BackupStatus } from '#api/backup.ts'
import { readObject } from '#api/read.ts'
import { backupKey } from '#store/layout.ts'
import { bundleEnvironment } from './bundle.ts'
import { countingRequests, type BenchCluster } from './bench-cluster.ts'
import type { BackupServer } from './backup-server.ts'
import type { BenchStore } from './bench-store.ts'
import type { Run } from './figures.ts'
import { inRepository, runMeasured } from './measured-program.ts'

/** What all measurements share. */
export interface Bench {
  /** For everything that is written; removed at the end. */
  directory: string
  /** The bundle: Lifeboat as users run it. */
  bundle: string
  /** Folder for CPU profiles of Lifeboat's processes. */
  profile: string | undefined
  signal: AbortSignal
  say: (line: string) => void
}

/** A program that makes raw calls and says at its end how many objects it went through, and in how many seconds. */
export async function runRaw(
  bench: Bench,
  cluster: BenchCluster,
  program: { name: string; script: string; args: readonly string[]; env?: Readonly<Record<string, string>> },
): Promise<Run> {
  const { done, apiCalls } = await countingRequests(cluster.api, () =>
    runMeasured({
      ...program,
      script: inRepository(program.script),
      args: [cluster.kubeconfigPath, ...program.args],
      env: { PATH: process.env['PATH'], ...program.env },
      directory: bench.directory,
      signal: bench.signal,
    }),
  )
  const { objects, seconds } = JSON.parse(done.output.trim().split('\n').at(-1) ?? '') as Pick<
    Run,
    'objects' | 'seconds'
  >
  return { objects, seconds, peakRssMB: done.peakRssMB, cpuSeconds: done.cpuSeconds, apiCalls }
}

/** One command of the real command line, as a whole process; `objects` is known to the caller. */
export async function runCommand(
  bench: Bench,
  { cluster, store, name, args }: { cluster: BenchCluster; store: BenchStore; name: string; args: readonly string[] },
): Promise<Omit<Run, 'objects'>> {
  const { done, apiCalls } = await countingRequests(cluster.api, async () =>
    runMeasured({
      name,
      script: bench.bundle,
      args: ['--store', store.url, '--kubeconfig', cluster.kubeconfigPath, ...args],
      env: {
        HOME: bench.directory,
        PATH: process.env['PATH'],
        ...(await bundleEnvironment(bench.bundle, bench.directory)),
        ...store.env,
      },
      directory: bench.directory,
      profile: bench.profile,
      signal: bench.signal,
    }),
  )
  const { seconds, peakRssMB, cpuSeconds } = done
  return { seconds, peakRssMB, cpuSeconds, apiCalls }
}

/** One piece of work of a server that runs: its memory is the highest so far, its processor time that of this work. */
export async function runOnServer(
  server: BackupServer,
  cluster: BenchCluster,
  work: () => Promise<{ seconds: number }>,
): Promise<Omit<Run, 'objects'>> {
  const before = await server.usage()
  const { done, apiCalls } = await countingRequests(cluster.api, work)
  const after = await server.usage()
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds
  return { seconds: done.seconds, peakRssMB: after.peakRssMB, cpuSeconds, apiCalls }
}

/** How many objects a stored backup holds; rejects unless it is completed and holds at least `least`. */
export async function objectsInBackup(store: BenchStore, name: string, least: number): Promise<number> {
  const { progress } = await completedBackup(store, name)
  const items = progress?.itemsBackedUp ?? 0
  if (items >= least) return items
  throw new Error(`backup ${name} has ${items} objects: ${least} were to be backed up`)
}

/** The status of a stored backup; rejects unless it is completed. */
export async function completedBackup(store: BenchStore, name: string): Promise<BackupStatus> {
  const opened = await store.open()
  try {
    const bytes = await Array.fromAsync(await opened.get(backupKey(name, 'metadata')))
    const { status } = readObject(Backups, JSON.parse(Buffer.concat(bytes).toString()))
    if (status?.phase === 'Completed') return status
    throw new Error(`backup ${name} is ${status?.phase}`)
  } finally {
    await opened.close()
  }
}

/** A folder for one server. */
export function serverDirectory({ directory }: Bench, name: string): string {
  return join(directory, name)
}
