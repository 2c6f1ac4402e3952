import type { BackupPhase } from '#api/backup.ts'
import { hasEnded } from '#api/phases.ts'
import type { RestorePhase } from '#api/restore.ts'
import { KubeError } from '#kube/error.ts'
import { StoreError } from '#store/store.ts'

/** What the process ends with. Documented in the README; scripts rely on it. */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 130

/** Done. */
export const OK = 0
/** It could not be done, or the backup or restore failed. */
export const FAILED = 1
/** The words on the command line are wrong; nothing was tried. */
export const USAGE = 2
/** The backup or restore ended, with errors for some objects (PartiallyFailed). */
export const PARTIAL = 3
/** What was compared is not the same. */
export const DIFFERENT = 4
/** A check-up ended, and found something worse than a note. */
export const FOUND = 5
/** Stopped by Ctrl-C or SIGTERM. */
export const INTERRUPTED = 130

/** The user's mistake, not ours: shown as it is, without a stack. The message says what is wrong and what to do. */
export class UserError extends Error {
  override readonly name = 'UserError'
  readonly exitCode: ExitCode
  constructor(message: string, options: { exitCode?: ExitCode; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.exitCode = options.exitCode ?? FAILED
  }
}

/** The exit code for the phase of a backup or restore: what was only handed to a server went well so far. */
export function exitCodeOfRun(phase: BackupPhase | RestorePhase | undefined): ExitCode {
  if (phase === 'Completed' || !hasEnded(phase)) return OK
  return phase === 'PartiallyFailed' ? PARTIAL : FAILED
}

/** What to print and to return for an error that reached the top. Errors of our rooms speak for themselves; anything else is our bug and keeps its stack. */
export function explain(error: unknown, interrupted: boolean): { text: string; exitCode: ExitCode } {
  if (interrupted) return { text: 'Interrupted.', exitCode: INTERRUPTED }
  if (error instanceof UserError) return { text: error.message, exitCode: error.exitCode }
  if (error instanceof Error && speaksForItself(error)) return { text: error.message, exitCode: FAILED }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { text: `This is a bug in Lifeboat; please report it with the text below.\n${detail}`, exitCode: FAILED }
}

/** Every room's own error class carries a `problem`; its message is written for people. */
function speaksForItself(error: Error): boolean {
  return (
    error instanceof KubeError ||
    error instanceof StoreError ||
    typeof (error as { problem?: unknown }).problem === 'string'
  )
}
