import type { Backup } from '#api/backup.ts'
import { labelKeys } from '#api/labels.ts'
import { Counter, Histogram, type Registry } from 'prom-client'

/** Velero's metrics of what becomes of volumes, moved by what the status of a backup says at its end. */
export interface VolumeMetrics {
  readonly backupEnded: (backup: Backup) => void
  /** Takes away the series that carry the name of the backup. */
  readonly backupGone: (backup: Backup) => void
}

export const DURATION_BUCKETS = [60, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400]

type Ends<Label extends string> = Readonly<Record<'attempt' | 'success' | 'failure', Counter<Label>>>

/** Registers them; `native` are those by schedule alone. Nothing is maintained here, so the metrics of repositories have no series: dashboards find their names. */
export function volumeMetrics(registry: Registry, native: Ends<'schedule'>): VolumeMetrics {
  const registers = [registry]
  const csiOf = (end: string): Counter<'schedule' | 'backupName'> =>
    new Counter({
      name: `velero_csi_snapshot_${end}_total`,
      help: `CSI snapshots of volumes: ${end}`,
      labelNames: ['schedule', 'backupName'],
      registers,
    })
  const csi = { attempt: csiOf('attempt'), success: csiOf('success'), failure: csiOf('failure') }
  for (const end of ['success', 'failure']) {
    new Counter({
      name: `velero_repo_maintenance_${end}_total`,
      help: `Maintenance of repositories: ${end}`,
      labelNames: ['repository_name'],
      registers,
    })
  }
  new Histogram({
    name: 'velero_repo_maintenance_duration_seconds',
    help: 'How long the maintenance of repositories took',
    labelNames: ['repository_name'],
    buckets: DURATION_BUCKETS,
    registers,
  })
  return {
    backupEnded(backup) {
      const { schedule, backupName } = labelsOf(backup)
      const { status = {} } = backup
      const { volumeSnapshotsAttempted = 0, volumeSnapshotsCompleted = 0 } = status
      count(native, { schedule }, { attempted: volumeSnapshotsAttempted, completed: volumeSnapshotsCompleted })
      const { csiVolumeSnapshotsAttempted = 0, csiVolumeSnapshotsCompleted = 0 } = status
      if (csiVolumeSnapshotsAttempted === 0) return
      count(
        csi,
        { schedule, backupName },
        { attempted: csiVolumeSnapshotsAttempted, completed: csiVolumeSnapshotsCompleted },
      )
    },
    backupGone(backup) {
      for (const counter of Object.values(csi)) counter.remove(labelsOf(backup))
    },
  }
}

function labelsOf({ metadata }: Backup): { schedule: string; backupName: string } {
  return { schedule: metadata.labels?.[labelKeys.scheduleName] ?? '', backupName: metadata.name }
}

function count<Label extends string>(
  ends: Ends<Label>,
  labels: Record<Label, string>,
  { attempted, completed }: { attempted: number; completed: number },
): void {
  ends.attempt.inc(labels, attempted)
  ends.success.inc(labels, completed)
  ends.failure.inc(labels, attempted - completed)
}
