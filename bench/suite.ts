import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { benchBackup } from './backup.ts'
import type { BenchOptions } from './options.ts'
import type { Bench } from './party.ts'
import { tableReport } from './report.ts'
import { benchRestore } from './restore.ts'
import type { Measured, MeasuredVolumes } from './suite-report.ts'
import { volumesReport } from './volumes-report.ts'
import { benchVolumes } from './volumes.ts'

/** One measurement of a suite: what differs from the options given. */
type Case = Pick<Measured, 'title'> & Partial<BenchOptions> & { work: 'backup' | 'restore'; objects: number }

const backups: readonly Case[] = [
  { title: '10,000 mixed', work: 'backup', objects: 10_000 },
  { title: '50,000 mixed', work: 'backup', objects: 50_000 },
  { title: '200,000 mixed', work: 'backup', objects: 200_000, peerRuns: 1 },
  { title: '10,000 in 2,000 namespaces', work: 'backup', objects: 10_000, shape: 'namespaces' },
  { title: '10,000 Secrets of 20 KB', work: 'backup', objects: 10_000, shape: 'secrets' },
]

// Velero needs minutes for 10,000 objects; nothing is learned from waiting for half an hour.
const restores: readonly Case[] = [
  { title: '10,000 into an empty cluster', work: 'restore', objects: 10_000, case: 'empty' },
  { title: '10,000, all existing', work: 'restore', objects: 10_000, case: 'existing' },
  { title: '10,000, a tenth updated', work: 'restore', objects: 10_000, case: 'update' },
  { title: '50,000 into an empty cluster', work: 'restore', objects: 50_000, case: 'empty', peer: undefined },
  { title: '50,000, all existing', work: 'restore', objects: 50_000, case: 'existing', peer: undefined },
  { title: '50,000, a tenth updated', work: 'restore', objects: 50_000, case: 'update', peer: undefined },
]

// By servers, as Velero is one; it needs five seconds for each volume, so once is enough.
const ofVolumes = { work: 'volumes', door: 'server', peerRuns: 1 } as const
const volumes = [
  { title: '50, ready at once', volumes: 50, readyAfter: 0 },
  { title: '50, ready after 5 s', volumes: 50, readyAfter: 5 },
]

/** What a suite has measured. */
export interface Suite {
  readonly measured: readonly Measured[]
  readonly volumes: readonly MeasuredVolumes[]
}

/** Makes all measurements that docs/performance.md shows, one after the other; one that fails is told with its reason, and the others are made. */
export async function benchSuite(options: BenchOptions, bench: Bench): Promise<Suite> {
  const { part, scale } = options
  const all = { ...options, store: 's3' as const }
  const suite = { measured: [] as Measured[], volumes: [] as MeasuredVolumes[] }
  const inTurn = turns(bench)
  for (const { title, ...given } of [...backups, ...restores]) {
    if (part !== 'all' && part !== given.work) continue
    const asked = { ...all, ...given, objects: Math.ceil(given.objects / scale) }
    const measure = given.work === 'backup' ? benchBackup : benchRestore
    const outcome = await inTurn(`${given.work} of ${title}`, (its) => measure(asked, its), tableReport)
    suite.measured.push({ title, ...given, ...outcome })
  }
  for (const { title, ...given } of part === 'all' || part === 'volumes' ? volumes : []) {
    const asked = { ...all, ...ofVolumes, ...given, volumes: Math.ceil(given.volumes / scale) }
    const outcome = await inTurn(`volumes: ${title}`, (its) => benchVolumes(asked, its), volumesReport)
    suite.volumes.push({ title, ...outcome })
  }
  return suite
}

/** Runs one measurement after the other, each in a folder of its own. */
function turns(bench: Bench) {
  let number = 0
  return async <T>(
    what: string,
    measure: (bench: Bench) => Promise<T>,
    tell: (result: T) => string,
  ): Promise<{ result: T } | { failure: string }> => {
    number += 1
    const directory = join(bench.directory, `${number}`)
    await mkdir(directory)
    bench.say(`measurement ${number}: ${what}`)
    try {
      const result = await measure({ ...bench, directory })
      bench.say(`\n${tell(result)}`)
      return { result }
    } catch (error) {
      bench.signal.throwIfAborted()
      const failure = error instanceof Error ? error.message : String(error)
      bench.say(failure)
      return { failure }
    }
  }
}
