import { z } from 'zod'
import { backupSpec } from './backup.ts'
import { fields, flag, texts, timestamp, triState } from './fields.ts'
import type { CustomObject, Kind } from './kind.ts'
import { defineKind } from './kind.ts'

/** `spec` of a Schedule. */
export const scheduleSpec = fields({
  template: backupSpec,
  schedule: z.string(),
  useOwnerReferencesInBackup: triState,
  paused: flag,
  skipImmediately: flag,
})

/** `status` of a Schedule. */
export const scheduleStatus = fields({
  phase: z.enum(['New', 'Enabled', 'FailedValidation']).optional(),
  lastBackup: timestamp,
  lastSkipped: timestamp,
  validationErrors: texts,
})

/** When backups are made, and what each of them takes. */
export type ScheduleSpec = z.output<typeof scheduleSpec>

/** Whether the schedule can be read, and when it last asked for a backup. */
export type ScheduleStatus = z.output<typeof scheduleStatus>

/** Makes Backups by the clock. */
export type Schedule = CustomObject<ScheduleSpec, ScheduleStatus>

/** The type of Schedule objects. */
export const Schedules: Kind<Schedule> = defineKind({
  version: 'v1',
  kind: 'Schedule',
  plural: 'schedules',
  columns: [
    { name: 'Status', jsonPath: '.status.phase', type: 'string' },
    { name: 'Schedule', jsonPath: '.spec.schedule', type: 'string' },
    { name: 'LastBackup', jsonPath: '.status.lastBackup', type: 'date' },
    { name: 'Age', jsonPath: '.metadata.creationTimestamp', type: 'date' },
    { name: 'Paused', jsonPath: '.spec.paused', type: 'boolean' },
  ],
  spec: scheduleSpec,
  status: scheduleStatus,
})
