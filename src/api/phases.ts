import type { BackupPhase } from './backup.ts'
import type { RestorePhase } from './restore.ts'

const ended: ReadonlySet<string> = new Set(['FailedValidation', 'Completed', 'PartiallyFailed', 'Failed'])
const failed: ReadonlySet<string> = new Set(['FailedValidation', 'PartiallyFailed', 'Failed'])
const tainted: ReadonlySet<string> = new Set([
  'WaitingForPluginOperationsPartiallyFailed',
  'FinalizingPartiallyFailed',
  'PartiallyFailed',
])

/** Whether a backup or restore with this phase will not go on by itself. Absent means New; Deleting counts as not ended. */
export function hasEnded(phase: BackupPhase | RestorePhase | undefined): boolean {
  return phase !== undefined && ended.has(phase)
}

/** Whether a backup or restore ended with anything less than complete success. */
export function hasFailed(phase: BackupPhase | RestorePhase | undefined): boolean {
  return phase !== undefined && failed.has(phase)
}

/** Whether some item of a backup or restore is known to have failed although the run goes, or went, on. */
export function isPartial(phase: BackupPhase | RestorePhase | undefined): boolean {
  return phase !== undefined && tainted.has(phase)
}

/** Whether work has begun and not ended: these are what a server that starts finds left over. */
export function isUnderWay(phase: BackupPhase | RestorePhase | undefined): boolean {
  if (phase === undefined || phase === 'Deleting') return false
  return !ended.has(phase) && !waitsForItsTurn.has(phase)
}

const waitsForItsTurn: ReadonlySet<string> = new Set(['New', 'Queued', 'ReadyToStart'])
