import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { benchBackup } from './backup.ts'
import type { BenchOptions } from './options.ts'
import type { Bench } from './party.ts'
import { tableReport } from './report.ts'
import { benchRestore } from './restore.ts'
import type { Measured } from './suite-report.ts'

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

/** Makes all measurements that docs/performance.md shows, one after the other; one that fails is told with its reason, and the others are made. */
export async function benchSuite(options: BenchOptions, bench: Bench): Promise<Measured[]> {
  const { part, scale } = options
  const cases = [...(part === 'restore' ? [] : backups), ...(part === 'backup' ? [] : restores)]
  const measured: Measured[] = []
  for (const [number, { title, ...given }] of cases.entries()) {
    const directory = join(bench.directory, `${number}`)
    await mkdir(directory)
    const asked = { ...options, store: 's3' as const, ...given, objects: Math.ceil(given.objects / scale) }
    bench.say(`${number + 1} of ${cases.length}: ${given.work} of ${title}`)
    try {
      const result = await (given.work === 'backup' ? benchBackup : benchRestore)(asked, { ...bench, directory })
      bench.say(`\n${tableReport(result)}`)
      measured.push({ title, ...given, result })
    } catch (error) {
      bench.signal.throwIfAborted()
      const failure = error instanceof Error ? error.message : String(error)
      bench.say(failure)
      measured.push({ title, ...given, failure })
    }
  }
  return measured
}
