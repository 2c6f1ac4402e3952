import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Backup, BackupStatus } from '#api/backup.ts'
import type { Restore } from '#api/restore.ts'
import { serverMetrics, type ServerMetrics } from './metrics.ts'

async function lines({ registry }: ServerMetrics): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line.startsWith('velero_'))
}

function backup(status: BackupStatus, schedule?: string): Backup {
  const labels = schedule === undefined ? {} : { 'velero.io/schedule-name': schedule }
  return { apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name: 'b', labels }, spec: {}, status }
}

// spec/server.md §15; what volumes alone move is left out.
const counters = [
  ...['attempt', 'success', 'partial_failure', 'failure', 'validation_failure', 'warning'].map(
    (what) => `velero_backup_${what}_total`,
  ),
  ...['attempt', 'success', 'failure'].map((what) => `velero_backup_deletion_${what}_total`),
  ...['attempt_total', 'success_total', 'partial_failure_total', 'failed_total', 'validation_failed_total'].map(
    (what) => `velero_restore_${what}`,
  ),
]

test('a server that has done nothing yet shows every counter at zero, and no failure', async () => {
  const shown = await lines(serverMetrics({ calls: () => 0 }))
  for (const name of counters) assert.ok(shown.includes(`${name}{schedule=""} 0`), name)
  assert.ok(shown.includes('velero_backup_last_status{schedule=""} 1'))
  assert.ok(shown.includes('velero_backup_duration_seconds_count{schedule=""} 0'))
})

test('a backup moves what Velero moves, under the name of its schedule', async () => {
  const metrics = serverMetrics({ calls: () => 0 })
  const done = backup(
    {
      phase: 'Completed',
      startTimestamp: '2026-01-01T10:00:00Z',
      completionTimestamp: '2026-01-01T10:02:00Z',
      progress: { totalItems: 12, itemsBackedUp: 12 },
      warnings: 3,
    },
    'nightly',
  )
  metrics.backupStarted(done)
  metrics.backupEnded(done, 4096)
  const shown = await lines(metrics)
  for (const line of [
    'velero_backup_attempt_total{schedule="nightly"} 1',
    'velero_backup_success_total{schedule="nightly"} 1',
    'velero_backup_warning_total{schedule="nightly"} 1',
    'velero_backup_last_status{schedule="nightly"} 1',
    'velero_backup_items_total{schedule="nightly"} 12',
    'velero_backup_items_errors{schedule="nightly"} 0',
    'velero_backup_tarball_size_bytes{schedule="nightly"} 4096',
    'velero_backup_duration_seconds_bucket{le="60",schedule="nightly"} 0',
    'velero_backup_duration_seconds_bucket{le="300",schedule="nightly"} 1',
    'velero_backup_duration_seconds_sum{schedule="nightly"} 120',
    'velero_backup_success_total{schedule=""} 0',
  ]) {
    assert.ok(shown.includes(line), line)
  }
})

test('a refused backup is no attempt but a bad last state, a refused restore is an attempt', async () => {
  const metrics = serverMetrics({ calls: () => 0 })
  metrics.backupEnded(backup({ phase: 'FailedValidation' }), undefined)
  const restore: Restore = {
    apiVersion: 'velero.io/v1',
    kind: 'Restore',
    metadata: { name: 'r' },
    spec: { scheduleName: 'nightly' },
    status: { phase: 'FailedValidation' },
  }
  metrics.restoreStarted(restore)
  metrics.restoreEnded(restore)
  const shown = await lines(metrics)
  for (const line of [
    'velero_backup_attempt_total{schedule=""} 0',
    'velero_backup_validation_failure_total{schedule=""} 1',
    'velero_backup_last_status{schedule=""} 0',
    'velero_restore_attempt_total{schedule="nightly"} 1',
    'velero_restore_validation_failed_total{schedule="nightly"} 1',
  ]) {
    assert.ok(shown.includes(line), line)
  }
})

test('what was there before this process is counted too', async () => {
  const metrics = serverMetrics({ calls: () => 0 })
  const backups = [
    { schedule: 'nightly', completedAt: 200 },
    { schedule: 'nightly', completedAt: 300 },
    { schedule: '', completedAt: undefined },
  ]
  metrics.counted({ backups, restores: 2 })
  const shown = await lines(metrics)
  assert.ok(shown.includes('velero_backup_total 3'))
  assert.ok(shown.includes('velero_restore_total 2'))
  assert.ok(shown.includes('velero_backup_last_successful_timestamp{schedule="nightly"} 300'))
  assert.ok(!shown.some((line) => line.startsWith('velero_backup_last_successful_timestamp{schedule=""}')))
})

test('a schedule has its series before its first backup, and loses all of them when it is gone', async () => {
  const metrics = serverMetrics({ calls: () => 0 })
  const bySchedule = async (): Promise<string[]> => (await lines(metrics)).filter((line) => line.includes('"nightly"'))
  metrics.scheduleSeen('nightly')
  const shown = await bySchedule()
  for (const name of counters) assert.ok(shown.includes(`${name}{schedule="nightly"} 0`), name)
  assert.ok(shown.includes('velero_backup_last_status{schedule="nightly"} 1'))
  metrics.backupEnded(backup({ phase: 'Failed' }, 'nightly'), 1)
  // Each look at the schedule tells of it again.
  metrics.scheduleSeen('nightly')
  assert.ok((await bySchedule()).includes('velero_backup_last_status{schedule="nightly"} 0'))
  metrics.scheduleGone('nightly')
  assert.deepEqual(await bySchedule(), [])
})
