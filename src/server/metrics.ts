import type { Backup } from '#api/backup.ts'
import type { BackupStorageLocation } from '#api/backup-storage-location.ts'
import { labelKeys } from '#api/labels.ts'
import type { Restore } from '#api/restore.ts'
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

/** Velero's metrics under Velero's names (spec/server.md §15), so that dashboards and alerts go on working. */
export interface ServerMetrics {
  readonly registry: Registry
  readonly backupStarted: (backup: Backup) => void
  readonly backupEnded: (backup: Backup) => void
  readonly backupDeleted: (backup: string, deleted: boolean) => void
  readonly restoreStarted: (restore: Restore) => void
  readonly restoreEnded: (restore: Restore) => void
  readonly locationChecked: (location: BackupStorageLocation) => void
}

const DURATION_BUCKETS = [60, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400]

/** The metrics of one process, in a registry of their own. The series without a schedule are there from the start. */
export function serverMetrics(): ServerMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const backups = backupMetrics(registry)
  const restores = restoreMetrics(registry)
  const locations = new Gauge({
    name: 'velero_backup_location_status_gauge',
    help: '1 when the backup location can be used',
    labelNames: ['backup_location_name'],
    registers: [registry],
  })
  return {
    registry,
    ...backups,
    ...restores,
    locationChecked({ metadata, status }) {
      locations.set({ backup_location_name: metadata.name }, status?.phase === 'Available' ? 1 : 0)
    },
  }
}

type BackupMetrics = Pick<ServerMetrics, 'backupStarted' | 'backupEnded' | 'backupDeleted'>

function backupMetrics(registry: Registry): BackupMetrics {
  const count = counters(registry, 'schedule')
  const attempts = count('velero_backup_attempt_total', 'Backups begun')
  const ends = {
    Completed: count('velero_backup_success_total', 'Backups completed'),
    PartiallyFailed: count('velero_backup_partial_failure_total', 'Backups that ended with errors for some objects'),
    Failed: count('velero_backup_failure_total', 'Backups that failed'),
    FailedValidation: count('velero_backup_validation_failure_total', 'Backups refused'),
  }
  const deletions = count('velero_backup_deletion_attempt_total', 'Backup deletions begun')
  const deleted = count('velero_backup_deletion_success_total', 'Backups deleted')
  const notDeleted = count('velero_backup_deletion_failure_total', 'Backup deletions that failed')
  const gauge = (name: string, help: string): Gauge<'schedule'> =>
    new Gauge({ name, help, labelNames: ['schedule'], registers: [registry] })
  const items = gauge('velero_backup_items_total', 'Objects in the last backup')
  const errors = gauge('velero_backup_items_errors', 'Errors of the last backup')
  const lastSuccess = gauge(
    'velero_backup_last_successful_timestamp',
    'When the last complete backup ended, seconds since 1970',
  )
  const lastStatus = gauge('velero_backup_last_status', '1 when the last backup completed, 0 when it did not')
  const durations = new Histogram({
    name: 'velero_backup_duration_seconds',
    help: 'How long backups took',
    labelNames: ['schedule'],
    buckets: DURATION_BUCKETS,
    registers: [registry],
  })
  return {
    backupStarted: (backup) => attempts.inc(scheduleOf(backup)),
    backupEnded(backup) {
      const schedule = scheduleOf(backup)
      const { status } = backup
      endCounter(ends, status?.phase)?.inc(schedule)
      lastStatus.set(schedule, status?.phase === 'Completed' ? 1 : 0)
      items.set(schedule, status?.progress?.itemsBackedUp ?? 0)
      errors.set(schedule, status?.errors ?? 0)
      const seconds = durationOf(status)
      if (seconds !== undefined) durations.observe(schedule, seconds)
      if (status?.phase === 'Completed')
        lastSuccess.set(schedule, Date.parse(String(status.completionTimestamp)) / 1000)
    },
    backupDeleted(_backup, done) {
      deletions.inc({ schedule: '' })
      ;(done ? deleted : notDeleted).inc({ schedule: '' })
    },
  }
}

type RestoreMetrics = Pick<ServerMetrics, 'restoreStarted' | 'restoreEnded'>

function restoreMetrics(registry: Registry): RestoreMetrics {
  const count = counters(registry, 'schedule')
  const attempts = count('velero_restore_attempt_total', 'Restores begun')
  const ends = {
    Completed: count('velero_restore_success_total', 'Restores completed'),
    PartiallyFailed: count('velero_restore_partial_failure_total', 'Restores that ended with errors for some objects'),
    Failed: count('velero_restore_failed_total', 'Restores that failed'),
    FailedValidation: count('velero_restore_validation_failed_total', 'Restores refused'),
  }
  const schedule = ({ spec }: Restore): { schedule: string } => ({ schedule: spec.scheduleName ?? '' })
  return {
    restoreStarted: (restore) => attempts.inc(schedule(restore)),
    restoreEnded: (restore) => endCounter(ends, restore.status?.phase)?.inc(schedule(restore)),
  }
}

function counters(registry: Registry, label: 'schedule'): (name: string, help: string) => Counter<'schedule'> {
  return (name, help) => {
    const counter = new Counter({ name, help, labelNames: [label], registers: [registry] })
    counter.inc({ [label]: '' }, 0)
    return counter
  }
}

function endCounter(
  ends: Readonly<Record<string, Counter<'schedule'>>>,
  phase: string | undefined,
): Counter<'schedule'> | undefined {
  return phase === undefined ? undefined : ends[phase]
}

function scheduleOf({ metadata }: Backup): { schedule: string } {
  return { schedule: metadata.labels?.[labelKeys.scheduleName] ?? '' }
}

function durationOf(status: Backup['status']): number | undefined {
  if (typeof status?.startTimestamp !== 'string' || typeof status.completionTimestamp !== 'string') return undefined
  return Math.round((Date.parse(status.completionTimestamp) - Date.parse(status.startTimestamp)) / 1000)
}
