// Names, types and labels are a contract with dashboards and alerts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MetricObject } from 'prom-client'
import { serverMetrics } from './metrics.ts'

// All that a server of Velero 1.18 registers.
const ofVelero = new Map([
  ['backup_total', 'gauge'],
  ['restore_total', 'gauge'],
  ...['attempt', 'success', 'partial_failure', 'failure', 'validation_failure', 'warning'].map(
    (end) => [`backup_${end}_total`, 'counter schedule'] as const,
  ),
  ...['attempt', 'success', 'failure'].map((end) => [`backup_deletion_${end}_total`, 'counter schedule'] as const),
  ['backup_duration_seconds', 'histogram schedule'],
  ...['tarball_size_bytes', 'items_total', 'items_errors', 'last_successful_timestamp', 'last_status'].map(
    (what) => [`backup_${what}`, 'gauge schedule'] as const,
  ),
  ['backup_location_status_gauge', 'gauge backup_location_name'],
  ...['attempt_total', 'success_total', 'partial_failure_total', 'failed_total', 'validation_failed_total'].map(
    (end) => [`restore_${end}`, 'counter schedule'] as const,
  ),
  ...['attempt', 'success', 'failure'].map((end) => [`volume_snapshot_${end}_total`, 'counter schedule'] as const),
  ...['attempt', 'success', 'failure'].map(
    (end) => [`csi_snapshot_${end}_total`, 'counter schedule,backupName'] as const,
  ),
  ...['success', 'failure'].map((end) => [`repo_maintenance_${end}_total`, 'counter repository_name'] as const),
  ['repo_maintenance_duration_seconds', 'histogram repository_name'],
])

const own = new Map([
  ['lifeboat_api_requests_total', 'counter'],
  ['lifeboat_backup_queue_length', 'gauge'],
  ['lifeboat_leader', 'gauge'],
  ['lifeboat_namespace_last_backup_timestamp', 'gauge namespace'],
  ['lifeboat_notifications_total', 'counter notification,result'],
  ['lifeboat_restore_queue_length', 'gauge'],
  ['lifeboat_store_errors_total', 'counter location,problem'],
])

/** What the process itself registers has other prefixes. */
function registered(prefix: string): Map<string, string> {
  const { registry } = serverMetrics({ calls: () => 0 })
  const all = registry.getMetricsAsArray().filter(({ name }) => name.startsWith(prefix))
  return new Map(all.map((metric) => [metric.name, described(metric)]))
}

function described(metric: MetricObject): string {
  const { labelNames } = metric as MetricObject & { labelNames: string[] }
  return [metric.type, labelNames.join(',')].filter((word) => word !== '').join(' ')
}

test('every metric of Velero is there, under its name, with its type and labels, and no other', () => {
  const wanted = new Map([...ofVelero].map(([name, what]) => [`velero_${name}`, what]))
  assert.deepEqual(new Map([...registered('velero_')].toSorted()), new Map([...wanted].toSorted()))
})

test('our own metrics are these', () => {
  assert.deepEqual(new Map([...registered('lifeboat_')].toSorted()), own)
})

test('durations have the buckets of Velero, in seconds', async () => {
  const metrics = serverMetrics({ calls: () => 0 })
  const text = await metrics.registry.metrics()
  const bounds = [...text.matchAll(/velero_backup_duration_seconds_bucket\{le="([^"]+)",schedule=""\}/g)].map(
    (found) => found[1],
  )
  assert.deepEqual(bounds, ['60', '300', '600', '900', '1800', '3600', '7200', '10800', '14400', '+Inf'])
})
