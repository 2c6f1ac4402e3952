import type { Backup } from '#api/backup.ts'
import type { BackupStorageLocation } from '#api/backup-storage-location.ts'
import { labelKeys } from '#api/labels.ts'
import type { Restore } from '#api/restore.ts'
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import { ownMetrics, type OwnMetrics } from './own-metrics.ts'
import { DURATION_BUCKETS, volumeMetrics } from './volume-metrics.ts'

/** Velero's metrics under Velero's names (spec/server.md §15), so that dashboards and alerts go on working. */
export interface ServerMetrics {
  readonly registry: Registry
  readonly own: OwnMetrics
  readonly backupStarted: (backup: Backup) => void
  readonly backupEnded: (backup: Backup, archiveBytes: number | undefined) => void
  readonly deletionStarted: (backup: Backup) => void
  readonly deletionEnded: (backup: Backup, deleted: boolean) => void
  readonly restoreStarted: (restore: Restore) => void
  readonly restoreEnded: (restore: Restore) => void
  /** Shows the series of a schedule before its first backup, so that alerts can rely on them; as often as one likes. */
  readonly scheduleSeen: (name: string) => void
  readonly scheduleGone: (name: string) => void
  readonly locationChecked: (location: BackupStorageLocation) => void
  readonly locationGone: (name: string) => void
  /** Told from time to time of everything there is. */
  readonly counted: (census: { backups: readonly CountedBackup[]; restores: number }) => void
}

/** What the metrics need to know of a backup that somebody else, or an earlier process, may have made. */
export interface CountedBackup {
  readonly schedule: string
  /** Seconds since 1970 of its end when it is Completed. */
  readonly completedAt: number | undefined
}

/** Where metrics register. Those by schedule are noted, since each schedule gets its series in all of them. */
interface Book {
  readonly registry: Registry
  readonly counters: Counter<'schedule'>[]
  readonly others: (Gauge<'schedule'> | Histogram<'schedule'>)[]
}

type Parts<Name extends keyof ServerMetrics> = Pick<ServerMetrics, Name>

const UNSCHEDULED = { schedule: '' }

/** The metrics of one process, in a registry of their own. The series without a schedule are there from the start. `calls` gives the requests to the API server so far. */
export function serverMetrics({ calls }: { calls: () => number }): ServerMetrics {
  const registry = new Registry()
  const book: Book = { registry, counters: [], others: [] }
  collectDefaultMetrics({ register: registry })
  const volumes = volumeMetrics(registry, {
    attempt: counter(book, 'velero_volume_snapshot_attempt_total', 'Snapshots of volumes begun'),
    success: counter(book, 'velero_volume_snapshot_success_total', 'Snapshots of volumes made'),
    failure: counter(book, 'velero_volume_snapshot_failure_total', 'Snapshots of volumes that failed'),
  })
  const { lastStatus, ...backups } = backupMetrics(book)
  const deletions = deletionMetrics(book)
  return {
    registry,
    own: ownMetrics(registry, { calls }),
    backupStarted: backups.backupStarted,
    backupEnded(backup, archiveBytes) {
      backups.backupEnded(backup, archiveBytes)
      volumes.backupEnded(backup)
    },
    deletionStarted: deletions.deletionStarted,
    deletionEnded(backup, deleted) {
      deletions.deletionEnded(backup, deleted)
      if (deleted) volumes.backupGone(backup)
    },
    ...restoreMetrics(book),
    ...locationMetrics(registry),
    ...censusMetrics(book),
    ...scheduleMetrics(book, lastStatus),
  }
}

/** The schedule a backup belongs to; empty for none. */
export function scheduleOf({ metadata }: Backup): string {
  return metadata.labels?.[labelKeys.scheduleName] ?? ''
}

function backupMetrics(book: Book): Parts<'backupStarted' | 'backupEnded'> & { lastStatus: Gauge<'schedule'> } {
  const attempts = counter(book, 'velero_backup_attempt_total', 'Backups begun')
  const ends: Ends = {
    Completed: counter(book, 'velero_backup_success_total', 'Backups completed'),
    PartiallyFailed: counter(book, 'velero_backup_partial_failure_total', 'Backups that ended with errors'),
    Failed: counter(book, 'velero_backup_failure_total', 'Backups that failed'),
    FailedValidation: counter(book, 'velero_backup_validation_failure_total', 'Backups refused'),
  }
  const warned = counter(book, 'velero_backup_warning_total', 'Backups that ended with warnings')
  const size = gauge(book, 'velero_backup_tarball_size_bytes', 'Size of the last archive in bytes')
  const items = gauge(book, 'velero_backup_items_total', 'Objects in the last backup')
  const errors = gauge(book, 'velero_backup_items_errors', 'Errors of the last backup')
  const lastStatus = gauge(book, 'velero_backup_last_status', '1 when the last backup completed, 0 when not')
  lastStatus.set(UNSCHEDULED, 1)
  const durations = new Histogram({
    name: 'velero_backup_duration_seconds',
    help: 'How long backups took',
    labelNames: ['schedule'],
    buckets: DURATION_BUCKETS,
    registers: [book.registry],
  })
  book.others.push(durations)
  durations.zero(UNSCHEDULED)
  return {
    lastStatus,
    backupStarted: (backup) => attempts.inc({ schedule: scheduleOf(backup) }),
    backupEnded(backup, archiveBytes) {
      const schedule = { schedule: scheduleOf(backup) }
      const { status } = backup
      countEnd(ends, status?.phase, schedule)
      lastStatus.set(schedule, status?.phase === 'Completed' ? 1 : 0)
      if (status?.phase === 'FailedValidation') return
      if ((status?.warnings ?? 0) > 0) warned.inc(schedule)
      items.set(schedule, status?.progress?.totalItems ?? 0)
      errors.set(schedule, status?.errors ?? 0)
      if (archiveBytes !== undefined) size.set(schedule, archiveBytes)
      const seconds = durationOf(status)
      if (seconds !== undefined) durations.observe(schedule, seconds)
    },
  }
}

function deletionMetrics(book: Book): Parts<'deletionStarted' | 'deletionEnded'> {
  const attempts = counter(book, 'velero_backup_deletion_attempt_total', 'Backup deletions begun')
  const deleted = counter(book, 'velero_backup_deletion_success_total', 'Backups deleted')
  const failed = counter(book, 'velero_backup_deletion_failure_total', 'Backup deletions that failed')
  return {
    deletionStarted: (backup) => attempts.inc({ schedule: scheduleOf(backup) }),
    deletionEnded: (backup, done) => (done ? deleted : failed).inc({ schedule: scheduleOf(backup) }),
  }
}

function restoreMetrics(book: Book): Parts<'restoreStarted' | 'restoreEnded'> {
  const attempts = counter(book, 'velero_restore_attempt_total', 'Restores begun')
  const ends: Ends = {
    Completed: counter(book, 'velero_restore_success_total', 'Restores completed'),
    PartiallyFailed: counter(book, 'velero_restore_partial_failure_total', 'Restores that ended with errors'),
    Failed: counter(book, 'velero_restore_failed_total', 'Restores that failed'),
    FailedValidation: counter(book, 'velero_restore_validation_failed_total', 'Restores refused'),
  }
  const schedule = ({ spec }: Restore): { schedule: string } => ({ schedule: spec.scheduleName ?? '' })
  return {
    restoreStarted: (restore) => attempts.inc(schedule(restore)),
    restoreEnded: (restore) => countEnd(ends, restore.status?.phase, schedule(restore)),
  }
}

function locationMetrics(registry: Registry): Parts<'locationChecked' | 'locationGone'> {
  const usable = new Gauge({
    name: 'velero_backup_location_status_gauge',
    help: '1 when the backup location can be used',
    labelNames: ['backup_location_name'],
    registers: [registry],
  })
  return {
    locationChecked({ metadata, status }) {
      usable.set({ backup_location_name: metadata.name }, status?.phase === 'Available' ? 1 : 0)
    },
    locationGone: (name) => usable.remove({ backup_location_name: name }),
  }
}

function scheduleMetrics(
  { counters, others }: Book,
  lastStatus: Gauge<'schedule'>,
): Parts<'scheduleSeen' | 'scheduleGone'> {
  const known = new Set<string>()
  return {
    scheduleSeen(schedule) {
      if (known.has(schedule)) return
      known.add(schedule)
      for (const metric of counters) metric.inc({ schedule }, 0)
      // Nothing has failed yet.
      lastStatus.set({ schedule }, 1)
    },
    scheduleGone(schedule) {
      known.delete(schedule)
      for (const metric of [...counters, ...others]) metric.remove({ schedule })
    },
  }
}

/** These outlive the process: they are read off the objects that are there. */
function censusMetrics(book: Book): Parts<'counted'> {
  const registers = [book.registry]
  const backupTotal = new Gauge({ name: 'velero_backup_total', help: 'Backups there are', registers })
  const restoreTotal = new Gauge({ name: 'velero_restore_total', help: 'Restores there are', registers })
  const lastSuccess = gauge(
    book,
    'velero_backup_last_successful_timestamp',
    'When the last complete backup ended, seconds since 1970',
  )
  return {
    counted({ backups, restores }) {
      backupTotal.set(backups.length)
      restoreTotal.set(restores)
      const newest = new Map<string, number>()
      for (const { schedule, completedAt = 0 } of backups) {
        if (completedAt > (newest.get(schedule) ?? 0)) newest.set(schedule, completedAt)
      }
      for (const [schedule, seconds] of newest) lastSuccess.set({ schedule }, seconds)
    },
  }
}

function counter({ registry, counters }: Book, name: string, help: string): Counter<'schedule'> {
  const made = new Counter({ name, help, labelNames: ['schedule'], registers: [registry] })
  counters.push(made)
  made.inc(UNSCHEDULED, 0)
  return made
}

function gauge({ registry, others }: Book, name: string, help: string): Gauge<'schedule'> {
  const made = new Gauge({ name, help, labelNames: ['schedule'], registers: [registry] })
  others.push(made)
  return made
}

type Ends = Readonly<Record<'Completed' | 'PartiallyFailed' | 'Failed' | 'FailedValidation', Counter<'schedule'>>>

function countEnd(ends: Ends, phase: string | undefined, schedule: { schedule: string }): void {
  if (phase !== undefined && Object.hasOwn(ends, phase)) ends[phase as keyof Ends].inc(schedule)
}

/** Whole seconds, as Velero counts. */
function durationOf(status: Backup['status']): number | undefined {
  if (typeof status?.startTimestamp !== 'string' || typeof status.completionTimestamp !== 'string') return undefined
  return Math.round((Date.parse(status.completionTimestamp) - Date.parse(status.startTimestamp)) / 1000)
}
