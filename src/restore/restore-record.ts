import type { Outcome } from '#apply/outcome.ts'
import { type ResourceListBuilder, resourceListBuilder } from '#archive/resource-list.ts'
import { addResult, countResults, emptyResults } from '#archive/results.ts'
import type { Results } from '#archive/results.ts'
import type { RunLog } from '#archive/run-log.ts'
import type { RestoreProgress } from './progress.ts'

/** Everything a running restore notes down. */
export interface RestoreRecord {
  take(outcome: Outcome): void
  /** An error that shows after an object's outcome is known. */
  fail(message: string, item: { resource: string; namespace: string | undefined; name: string }): void
  /** A warning about the restore as a whole. */
  warn(message: string): void
  step(step: RestoreProgress['step']): void
  progress(): RestoreProgress
  results(): Results
  resourceList: Pick<ResourceListBuilder, 'entries'>
}

export interface RecordOptions {
  log: RunLog
  /** Tasks planned. */
  totalItems: number
  onProgress?: ((progress: RestoreProgress) => void) | undefined
}

const PROGRESS_PAUSE_MS = 200

/** An empty record; `onProgress` hears of it at most five times a second, and of every step. */
export function restoreRecord({ log, totalItems, onProgress }: RecordOptions): RestoreRecord {
  const results = emptyResults()
  const list = resourceListBuilder()
  let step: RestoreProgress['step'] = 'restoring'
  let itemsRestored = 0
  let told = 0

  const progress = (): RestoreProgress => ({
    step,
    // Objects that others brought along were not planned.
    totalItems: Math.max(totalItems, itemsRestored),
    itemsRestored,
    warnings: countResults(results.warnings),
    errors: countResults(results.errors),
  })
  const tell = (): void => {
    told = performance.now()
    onProgress?.(progress())
  }
  return {
    take({ resource, kind, namespace = '', name, action, remarks, counts }) {
      if (counts) itemsRestored += 1
      if (action !== undefined && kind !== undefined) list.add({ ...kind, namespace, name }, action)
      if (action !== undefined) log.info(action, { resource, namespace, name })
      for (const { severity, message } of remarks) {
        addResult(severity === 'warning' ? results.warnings : results.errors, namespace, message)
        log[severity](message, { resource, namespace, name })
      }
      if (performance.now() - told >= PROGRESS_PAUSE_MS) tell()
    },
    fail(message, { resource, namespace = '', name }) {
      addResult(results.errors, namespace, message)
      log.error(message, { resource, namespace, name })
    },
    warn(message) {
      addResult(results.warnings, undefined, message)
      log.warning(message)
    },
    step(next) {
      step = next
      tell()
    },
    progress,
    results: () => results,
    resourceList: list,
  }
}
