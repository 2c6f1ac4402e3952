import { setTimeout as sleep } from 'node:timers/promises'
import { Backups, type Backup } from '#api/backup.ts'
import { hasEnded } from '#api/phases.ts'
import { Schedules, type Schedule } from '#api/schedule.ts'
import type { KubeClient } from '#kube/client.ts'
import { apiVersionOf, type KubeObject, type ResourceType } from '#kube/object.ts'
import { startLifeboat } from './backup-server.ts'
import { emptyCluster, listPath, type BenchCluster } from './bench-cluster.ts'
import { directoryStore } from './bench-store.ts'
import { figuresOf, type Cost, type Figures, type Run } from './figures.ts'
import { install, serverNamespace as namespace } from './installation.ts'
import type { BenchOptions } from './options.ts'
import { forEachParallel } from './parallel.ts'
import { runRaw, serverDirectory, type Bench } from './party.ts'
import { costOfStart, costWhile } from './server-cost.ts'

/** What many schedules cost a server. */
export interface SchedulesResult {
  readonly options: BenchOptions
  /** From the start of the server until it has found each schedule good. */
  readonly start: Cost
  /** A minute in which nothing is due. */
  readonly idle: Cost
  /** From the minute in which all are due until there is a backup of each. */
  readonly asked: Cost
  /** From then on until each of those backups has ended. */
  readonly ended: Cost
  readonly raw: Figures
}

/** Room for making them, for the start of the server and for a quiet minute. */
const LEAD_MINUTES = 4
const IDLE_MS = 60_000
const MAKERS = 16

/**
 * Makes schedules that are all due in the same minute. Their location is read-only, so that each backup is refused at its turn: what is measured
 * is the clock and the queue, not the making of backups.
 */
export async function benchSchedules(options: BenchOptions, bench: Bench): Promise<SchedulesResult> {
  const { schedules: count, runs } = options
  const { signal, say } = bench
  say('starting a cluster')
  await using cluster = await emptyCluster(signal)
  const { kube } = cluster
  await using store = directoryStore(bench.directory)
  await (await store.open()).check({ write: true })
  await install(kube, { ...store.location, accessMode: 'ReadOnly' }, signal)
  say(`making ${count} schedules`)
  const due = await makeSchedules(kube, count, signal)
  say('starting a server')
  const { cost: start, server: started } = await costOfStart(cluster, async () => {
    const directory = serverDirectory(bench, 'lifeboat-server')
    const server = await startLifeboat({ ...bench, kubeconfigPath: cluster.kubeconfigPath, store, directory })
    await untilAll(kube, Schedules, { count, is: ({ status }) => status?.phase === 'Enabled', signal })
    return server
  })
  await using server = started
  const { cost: idle } = await costWhile({ cluster, server }, () => sleep(IDLE_MS, undefined, { signal }))
  say(`looked at all: ${inWords(start)}; a quiet minute: ${inWords(idle)}`)
  const left = due.getTime() - Date.now()
  if (left < 0) throw new Error('the schedules were due before the server had looked at them: use fewer')
  say(`all are due in ${(left / 1000).toFixed(0)} s`)
  await sleep(left, undefined, { signal })
  const untilBackups = async (is: (backup: Backup) => boolean): Promise<Cost> =>
    (await costWhile({ cluster, server }, () => untilAll(kube, Backups, { count, is, signal }))).cost
  const asked = await untilBackups(() => true)
  say(`each has its backup: ${inWords(asked)}`)
  const ended = await untilBackups(({ status }) => hasEnded(status?.phase))
  return { options, start, idle, asked, ended, raw: await rawLists(bench, { cluster, count, runs }) }
}

function inWords({ seconds, cpuSeconds, peakRssMB, apiCalls }: Cost): string {
  return `${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} CPU s, ${peakRssMB.toFixed(0)} MB, ${apiCalls} calls`
}

/** Gives the minute in which all of them are due. */
async function makeSchedules(kube: KubeClient, count: number, signal: AbortSignal): Promise<Date> {
  const due = new Date((Math.ceil(Date.now() / 60_000) + LEAD_MINUTES) * 60_000)
  const numbers = Array.from({ length: count }, (_, i) => i)
  await forEachParallel(numbers, MAKERS, async (number) => {
    const schedule: Schedule = {
      apiVersion: apiVersionOf(Schedules),
      kind: Schedules.kind,
      metadata: { name: `schedule-${number}`, namespace, labels: { team: `team-${number % 20}` } },
      spec: {
        schedule: `${due.getUTCMinutes()} ${due.getUTCHours()} * * *`,
        template: { includedNamespaces: [`shop-${number}`], ttl: '720h0m0s', hooks: {}, metadata: {} },
      },
    }
    await kube.create(Schedules, schedule, { namespace, signal })
  })
  return due
}

const LOOK_MS = 1000
const PATIENCE_MS = 30 * 60_000

/** Waits until there are so many objects of a type and all are as they should be. */
async function untilAll<T extends KubeObject>(
  kube: KubeClient,
  type: ResourceType<T>,
  { count, is, signal }: { count: number; is: (object: T) => boolean; signal: AbortSignal },
): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    let found = 0
    for await (const { items } of kube.pages(type, { namespace, signal })) found += items.filter(is).length
    if (found === count) return
    if (performance.now() > deadline) throw new Error(`only ${found} of ${count} ${type.plural} after half an hour`)
    await sleep(LOOK_MS, undefined, { signal })
  }
}

async function rawLists(
  bench: Bench,
  { cluster, count, runs }: { cluster: BenchCluster; count: number; runs: number },
): Promise<Figures> {
  const path = listPath(Schedules).replace('/schedules', `/namespaces/${namespace}/schedules`)
  const lists: Run[] = []
  for (let run = 1; run <= runs; run += 1) {
    const list = await runRaw(bench, cluster, { name: `raw-${run}`, script: 'bench/raw-list.ts', args: [path] })
    if (list.objects !== count) throw new Error(`a raw list shows ${list.objects} of ${count} schedules`)
    lists.push(list)
  }
  return figuresOf(lists)
}
