import { setTimeout as sleep } from 'node:timers/promises'
import { readCut } from '#collect/cut.ts'
import type { KubeClient } from '#kube/client.ts'
import type { ResourceType, ServedType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import { compileBackupScope } from '#selection/backup-scope.ts'
import { ownCluster, type TestCluster } from '../test/support/cluster.ts'
import { bareApi, type BareApi } from './api-server.ts'
import { fillCluster, type Shape } from './fill.ts'
import { countRequests, measuredUser } from './measured-user.ts'

/** A cluster of its own for one measurement; it ends when disposed, or with this process. */
export interface BenchCluster extends AsyncDisposable {
  kube: KubeClient
  /** For measured programs, whose requests are counted. */
  kubeconfigPath: string
  /** One socket, for what is not measured. */
  api: BareApi
}

/** What a fill's objects are called: everything else in a cluster is its own. */
export const fillPrefix = 'fill'

/** Starts an empty cluster. */
export async function emptyCluster(signal: AbortSignal): Promise<BenchCluster> {
  signal.throwIfAborted()
  return await forMeasuring(await ownCluster(), signal)
}

/** Makes a cluster ready for measured programs; it ends with the result. */
export async function forMeasuring(cluster: TestCluster & AsyncDisposable, signal: AbortSignal): Promise<BenchCluster> {
  const api = await bareApi(cluster.kubeconfigPath, 1)
  const kubeconfigPath = await measuredUser({ ...cluster, api }, signal)
  return {
    kube: cluster.kube,
    kubeconfigPath,
    api,
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]()
      await cluster[Symbol.asyncDispose]()
    },
  }
}

export interface FillRequest {
  objects: number
  shape?: Shape | undefined
  signal: AbortSignal
  say: (line: string) => void
}

/** Starts a cluster and fills it; returns when its controllers have made what follows from the filling. */
export async function filledCluster({ objects, shape, signal, say }: FillRequest): Promise<BenchCluster> {
  say('starting a cluster')
  const cluster = await emptyCluster(signal)
  try {
    say(`filling it with ${objects} objects`)
    const { seconds } = await fillCluster(cluster.kube, { objects, shape, prefix: fillPrefix, signal })
    say(`filled in ${seconds.toFixed(0)} s; waiting for its controllers`)
    await untilQuiet(cluster.kube, signal)
    return cluster
  } catch (error) {
    await cluster[Symbol.asyncDispose]()
    throw error
  }
}

/** The types that a backup of everything lists. */
export async function backedUpTypes(kube: KubeClient, signal: AbortSignal): Promise<readonly ServedType[]> {
  const cut = await readCut(kube, { signal })
  return compileBackupScope({}, cut).types
}

/** The path of a list of all objects of a type. */
export function listPath({ group, version, plural }: ResourceType): string {
  return `${group === '' ? '/api' : `/apis/${group}`}/${version}/${plural}`
}

/** Runs `work` and counts the requests of measured programs meanwhile. */
export async function countingRequests<T>(
  api: BareApi,
  work: () => Promise<T>,
): Promise<{ done: T; apiCalls: number }> {
  const before = await countRequests(api)
  const done = await work()
  return { done, apiCalls: (await countRequests(api)) - before }
}

/** Whether objects of a type come and go as controllers see fit. */
export function isMadeByControllers(type: ResourceType): boolean {
  return ['replicasets.apps', 'endpoints', 'endpointslices.discovery.k8s.io'].includes(resourceName(type))
}

const QUIET_SECONDS = 3
const LOUD_SECONDS = 300

async function untilQuiet(kube: KubeClient, signal: AbortSignal): Promise<void> {
  const types = (await kube.discover({ signal })).types.filter((type) => type.preferred && isMadeByControllers(type))
  const deadline = performance.now() + LOUD_SECONDS * 1000
  for (let quiet = 0, before = -1; quiet < QUIET_SECONDS;) {
    const pages = await Promise.all(types.map((type) => kube.list(type, { limit: 1, signal })))
    const now = pages.reduce((sum, { items, remaining }) => sum + items.length + (remaining ?? 0), 0)
    quiet = now === before ? quiet + 1 : 0
    before = now
    if (performance.now() > deadline)
      throw new Error(`the controllers of the cluster still work after ${LOUD_SECONDS} s`)
    await sleep(1000, undefined, { signal })
  }
}
