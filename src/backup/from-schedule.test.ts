import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Backup } from '#api/backup.ts'
import { readObject } from '#api/read.ts'
import { Schedules, type Schedule } from '#api/schedule.ts'
import { backupFromSchedule } from './from-schedule.ts'

const now = new Date('2026-03-04T05:06:07.890Z')

const nightly: Schedule = {
  apiVersion: 'velero.io/v1',
  kind: 'Schedule',
  metadata: { name: 'nightly', namespace: 'velero', uid: 'u1', labels: { team: 'a' }, annotations: { note: 'x' } },
  spec: { schedule: '@daily', template: { includedNamespaces: ['shop'], ttl: '24h' } },
}

test('a backup of a schedule has its template, its labels and annotations, and a name that says when', () => {
  const { metadata, spec } = backupFromSchedule(nightly, now)
  assert.deepEqual(metadata, {
    name: 'nightly-20260304050607',
    namespace: 'velero',
    labels: { team: 'a', 'velero.io/schedule-name': 'nightly' },
    annotations: { note: 'x' },
  })
  assert.deepEqual(spec, { includedNamespaces: ['shop'], ttl: '24h' })
})

test('labels of the template stand instead of those of the schedule, and a schedule owns its backups if it says so', () => {
  const template = { ...nightly.spec.template, metadata: { labels: { tier: 'gold' } } }
  const { metadata } = backupFromSchedule(
    { ...nightly, spec: { ...nightly.spec, template, useOwnerReferencesInBackup: true } },
    now,
  )
  assert.deepEqual(metadata.labels, { tier: 'gold', 'velero.io/schedule-name': 'nightly' })
  assert.deepEqual(metadata.ownerReferences, [
    { apiVersion: 'velero.io/v1', kind: 'Schedule', name: 'nightly', uid: 'u1', controller: true },
  ])
})

test('the backup of a recorded schedule is the one that Velero made of it', () => {
  const recorded = (file: string): unknown => {
    const url = new URL(`../../test/compat/golden/scenarios/a09-schedule/${file}`, import.meta.url)
    return JSON.parse(readFileSync(url, 'utf8'))
  }
  const schedule = readObject(Schedules, recorded('schedule.json'))
  const { metadata } = recorded('backup.json') as Backup
  const { 'velero.io/storage-location': _added, ...labels } = metadata.labels ?? {}
  const made = backupFromSchedule(schedule, new Date(String(schedule.status?.lastBackup)))
  assert.equal(made.metadata.name, metadata.name)
  assert.deepEqual(made.metadata.labels, labels)
  assert.deepEqual(made.metadata.ownerReferences, metadata.ownerReferences)
  assert.deepEqual(made.spec, schedule.spec.template)
})
