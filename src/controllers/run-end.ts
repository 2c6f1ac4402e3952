import type { Backup } from '#api/backup.ts'
import { labelValue } from '#api/labels.ts'
import { hasEnded } from '#api/phases.ts'
import type { Restore } from '#api/restore.ts'
import type { EndedRun } from '#notify/news.ts'

/** How a backup or restore ended, for those who tell of it. */
export interface RunEnd {
  readonly phase: EndedRun['phase']
  /** A timestamp. */
  readonly ended: string
  /** What went wrong, as a sentence; empty when it says no more than its phase. */
  readonly reason: string
  /** When it was told, by the annotation of each Notification that did (`toldKey`). */
  readonly told: Readonly<Record<string, string>>
}

const toldPrefix = 'notified.lifeboat.dev/'

/** The annotation of a Backup or Restore that says when the Notification `name` told of it. */
export function toldKey(name: string): string {
  return `${toldPrefix}${labelValue(name)}`
}

/** The end of one that has ended; nobody has checked yet that it is a Backup or Restore. */
export function endOf({ metadata, status }: Pick<Backup | Restore, 'metadata' | 'status'>): RunEnd | undefined {
  if (!hasEnded(status?.phase)) return undefined
  const told = Object.entries(metadata.annotations ?? {}).filter(([key]) => key.startsWith(toldPrefix))
  return {
    phase: status?.phase as EndedRun['phase'],
    // What was refused has no end of its own.
    ended: String(status?.completionTimestamp ?? status?.startTimestamp ?? metadata.creationTimestamp ?? ''),
    reason: reasonOf(status),
    told: Object.fromEntries(told),
  }
}

function reasonOf(status: Backup['status'] | Restore['status']): string {
  const { phase, failureReason, validationErrors, errors = 0, warnings = 0 } = status ?? {}
  if (failureReason !== undefined) return failureReason
  if (phase === 'FailedValidation') return (validationErrors ?? []).join('; ')
  return phase === 'PartiallyFailed' ? `${errors} errors, ${warnings} warnings` : ''
}
