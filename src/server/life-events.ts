import type { BackupStorageLocation } from '#api/backup-storage-location.ts'
import type { Backup, BackupPhase } from '#api/backup.ts'
import { hasFailed } from '#api/phases.ts'
import type { Restore, RestorePhase } from '#api/restore.ts'
import type { KubeObject } from '#kube/object.ts'
import type { EventRecorder, Happening } from '#runtime/event-recorder.ts'
import type { Witness } from './witness.ts'

/** Writes what happens to backups, restores, schedules and locations as Events of these objects. */
export function lifeEvents(recorder: EventRecorder): Witness {
  const record = (object: KubeObject, happening: Happening): void => recorder.record(object, happening)
  const phases = new Map<string, string | undefined>()
  return {
    backupStarted: (backup) => record(backup, { type: 'Normal', reason: 'Started', message: 'the backup has begun' }),
    backupEnded: (backup) => record(backup, endOfBackup(backup)),
    deletionStarted: (backup) =>
      record(backup, { type: 'Normal', reason: 'Deleting', message: 'the backup is deleted, with all its files' }),
    deletionEnded(backup, deleted) {
      if (deleted) record(backup, { type: 'Normal', reason: 'Deleted', message: 'the backup is gone' })
      else record(backup, { type: 'Warning', reason: 'DeletionFailed', message: 'see its DeleteBackupRequest' })
    },
    restoreStarted: (restore) =>
      record(restore, { type: 'Normal', reason: 'Started', message: `restore of backup ${restore.spec.backupName}` }),
    restoreEnded: (restore) => record(restore, endOfRestore(restore)),
    scheduleRefused: (schedule, problems) =>
      record(schedule, { type: 'Warning', reason: 'FailedValidation', message: problems.join('; ') }),
    scheduleFired: (schedule, backup) =>
      record(schedule, { type: 'Normal', reason: 'BackupCreated', message: `asked for backup ${backup}` }),
    locationChecked(location) {
      const { name } = location.metadata
      const phase = location.status?.phase
      // It is checked again and again.
      if (phases.get(name) === phase) return
      phases.set(name, phase)
      record(location, standOfLocation(location))
    },
    locationGone: (name) => void phases.delete(name),
  }
}

/** The event of a backup that has ended. */
export function endOfBackup({ metadata, status }: Backup): Happening {
  const items = status?.progress?.itemsBackedUp ?? 0
  return ending(status, { done: `${items} objects backed up`, logs: `lifeboat backup logs ${metadata.name}` })
}

/** The event of a restore that has ended. */
export function endOfRestore({ metadata, status }: Restore): Happening {
  const items = status?.progress?.itemsRestored ?? 0
  return ending(status, { done: `${items} objects restored`, logs: `lifeboat restore logs ${metadata.name}` })
}

interface Ended {
  readonly phase?: BackupPhase | RestorePhase | undefined
  readonly errors?: number | undefined
  readonly warnings?: number | undefined
  readonly failureReason?: string | undefined
  readonly validationErrors?: readonly string[] | null | undefined
}

function ending(status: Ended | undefined, words: { done: string; logs: string }): Happening {
  const phase = status?.phase ?? 'New'
  const type = hasFailed(status?.phase) ? 'Warning' : 'Normal'
  const counts = `${words.done}, ${status?.errors ?? 0} errors, ${status?.warnings ?? 0} warnings`
  if (phase === 'FailedValidation') return { type, reason: phase, message: (status?.validationErrors ?? []).join('; ') }
  if (phase === 'Failed') return { type, reason: phase, message: status?.failureReason ?? 'no reason is known' }
  return { type, reason: phase, message: phase === 'PartiallyFailed' ? `${counts}; see: ${words.logs}` : counts }
}

function standOfLocation({ status }: BackupStorageLocation): Happening {
  const message = status?.message ?? ''
  if (status?.phase === 'Available') {
    return { type: message === '' ? 'Normal' : 'Warning', reason: 'Available', message: message || 'it can be used' }
  }
  return { type: 'Warning', reason: status?.phase ?? 'Unknown', message: message || 'it cannot be used' }
}
