// The process of a benchmark: reads the command line, owns the signals, removes what was written, sets the exit code.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { benchBackup } from './backup.ts'
import { benchChurn, type ChurnResult } from './churn.ts'
import { bundleIn } from './bundle.ts'
import { parseOptions, type BenchOptions } from './options.ts'
import type { Bench } from './party.ts'
import { jsonReport, tableReport } from './report.ts'
import { benchRestore } from './restore.ts'
import { benchSchedules } from './schedules.ts'
import { benchSuite } from './suite.ts'
import { suiteReport } from './suite-report.ts'
import { benchSync } from './sync.ts'
import { schedulesReport, syncReport } from './server-report.ts'
import { volumesReport } from './volumes-report.ts'
import { benchVolumes } from './volumes.ts'

const INTERRUPTED = 130

const options = parseOptions(process.argv.slice(2))
if ('mistake' in options) {
  process.stderr.write(`bench: ${options.mistake}\n`)
  process.exitCode = 2
} else {
  process.exitCode = await measure(options)
}

/** Ends with the count that matters, and with a failure unless all are equal. */
function report({ runs, equal, slowest, lines }: ChurnResult): number {
  const verdict = `${equal} of ${runs} archives equal the API server's lists at their cut, at ${slowest.toFixed(0)} changes a second and more`
  process.stdout.write(`${[...lines, verdict].join('\n')}\n`)
  return equal === runs ? 0 : 1
}

async function measure(options: BenchOptions): Promise<number> {
  const stop = new AbortController()
  const onSignal = (): void => {
    // The second Ctrl-C does not wait; whatever was started ends with this process all the same.
    if (stop.signal.aborted) process.exit(INTERRUPTED)
    stop.abort()
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'))
  try {
    const bench: Bench = {
      directory,
      bundle: await bundleIn(directory, stop.signal),
      profile: options.profile === undefined ? undefined : resolve(options.profile),
      signal: stop.signal,
      say: (line) => process.stderr.write(`bench: ${line}\n`),
    }
    if (options.work === 'churn') return report(await benchChurn(options, bench))
    if (options.work === 'sync') {
      const result = await benchSync(options, bench)
      process.stdout.write(`${options.json ? JSON.stringify(result) : syncReport(result)}\n`)
      return 0
    }
    if (options.work === 'schedules') {
      const result = await benchSchedules(options, bench)
      process.stdout.write(`${options.json ? JSON.stringify(result) : schedulesReport(result)}\n`)
      return 0
    }
    if (options.work === 'volumes') {
      const result = await benchVolumes(options, bench)
      process.stdout.write(`${options.json ? JSON.stringify(result) : volumesReport(result)}\n`)
      return 0
    }
    if (options.work === 'suite') {
      const suite = await benchSuite(options, bench)
      process.stdout.write(`${suiteReport(suite, new Date())}\n`)
      return [...suite.measured, ...suite.volumes].some(({ failure }) => failure !== undefined) ? 1 : 0
    }
    const result = await (options.work === 'backup' ? benchBackup(options, bench) : benchRestore(options, bench))
    process.stdout.write(`${options.json ? jsonReport(result) : tableReport(result)}\n`)
    return 0
  } catch (error) {
    if (stop.signal.aborted) return INTERRUPTED
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 })
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}
