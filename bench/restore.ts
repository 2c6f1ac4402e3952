import { benchRestoreIntoEmpty } from './restore-empty.ts'
import { benchRestoreOverExisting } from './restore-existing.ts'
import type { BenchOptions } from './options.ts'
import type { Bench } from './party.ts'
import type { Result } from './report.ts'

/** Restores a filled cluster's backup: into clusters that are empty, or into the same cluster with everything still there. */
export function benchRestore(options: BenchOptions, bench: Bench): Promise<Result> {
  return options.case === 'empty' ? benchRestoreIntoEmpty(options, bench) : benchRestoreOverExisting(options, bench)
}
