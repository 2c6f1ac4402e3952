import type { BackupServer } from './backup-server.ts'
import { countingRequests, type BenchCluster } from './bench-cluster.ts'
import type { Cost } from './figures.ts'

/** What a server has used from its start until `begin` lets go of it. */
export async function costOfStart(
  cluster: BenchCluster,
  begin: () => Promise<BackupServer>,
): Promise<{ cost: Cost; server: BackupServer }> {
  const began = performance.now()
  const { done: server, apiCalls } = await countingRequests(cluster.api, begin)
  const seconds = (performance.now() - began) / 1000
  return { cost: { seconds, apiCalls, ...(await server.usage()) }, server }
}

/** What a server uses while `wait` waits; its memory is the highest so far. */
export async function costWhile<T>(
  { cluster, server }: { cluster: BenchCluster; server: BackupServer },
  wait: () => Promise<T>,
): Promise<{ cost: Cost; done: T }> {
  const [before, began] = [await server.usage(), performance.now()]
  const { done, apiCalls } = await countingRequests(cluster.api, wait)
  const seconds = (performance.now() - began) / 1000
  const { peakRssMB, cpuSeconds } = await server.usage()
  return { cost: { seconds, apiCalls, peakRssMB, cpuSeconds: cpuSeconds - before.cpuSeconds }, done }
}
