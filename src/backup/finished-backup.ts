import type { Backup, BackupStatus } from '#api/backup.ts'
import { timestamp } from '#api/timestamp.ts'
import type { NativeSnapshot } from '#archive/volume-snapshots.ts'
import { hookStatus, type HookCounts } from '#hooks/hook-counts.ts'
import type { OperationCounts } from '#plugins/operations.ts'
import { operationStatus } from './operations.ts'
import type { BackupVolumes } from './volumes.ts'

/** What a run has come to. */
export interface BackupEnd {
  readonly started: Date
  readonly ended: Date
  readonly items: number
  readonly warnings: number
  readonly errors: number
  readonly hooks: HookCounts
  readonly operations: OperationCounts
  readonly snapshots: BackupVolumes['counts']
  readonly natives: readonly NativeSnapshot[]
}

/** The Backup as it is stored: with its final phase, counters and times. */
export function finishedBackup(backup: Backup, end: BackupEnd): Backup {
  const { started, ended, items, warnings, errors, hooks, operations, snapshots, natives } = end
  const taken = natives.filter((native) => native.status.phase === 'Completed').length
  const status: BackupStatus = {
    ...backup.status,
    phase: errors > 0 ? 'PartiallyFailed' : 'Completed',
    startTimestamp: backup.status?.startTimestamp ?? timestamp(started),
    completionTimestamp: timestamp(ended),
    progress: { totalItems: items, itemsBackedUp: items },
    // Velero writes it for every backup, also where there was nothing to count.
    hookStatus: hookStatus(hooks),
    ...(warnings > 0 ? { warnings } : {}),
    ...(errors > 0 ? { errors } : {}),
    ...(natives.length > 0 ? { volumeSnapshotsAttempted: natives.length } : {}),
    ...(taken > 0 ? { volumeSnapshotsCompleted: taken } : {}),
    ...(snapshots.attempted > 0 ? { csiVolumeSnapshotsAttempted: snapshots.attempted } : {}),
    ...(snapshots.completed > 0 ? { csiVolumeSnapshotsCompleted: snapshots.completed } : {}),
    ...operationStatus(operations),
  }
  return { ...backup, status }
}
