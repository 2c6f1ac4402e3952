import { z } from 'zod'
import { durationOrNull, fields, flag, secretKey, text, textMap, timestamp } from './fields.ts'
import type { CustomObject, Kind } from './kind.ts'
import { defineKind } from './kind.ts'

const accessMode = z.enum(['ReadOnly', 'ReadWrite']).optional()

/** `spec` of a BackupStorageLocation. */
export const backupStorageLocationSpec = fields({
  provider: z.string(),
  config: textMap,
  credential: secretKey.optional(),
  objectStorage: fields({
    bucket: z.string(),
    prefix: text,
    caCert: z.string().meta({ format: 'byte' }).optional(),
    caCertRef: secretKey.optional(),
  }),
  default: flag,
  accessMode,
  backupSyncPeriod: durationOrNull,
  validationFrequency: durationOrNull,
})

/** `status` of a BackupStorageLocation. */
export const backupStorageLocationStatus = fields({
  phase: z.enum(['Available', 'Unavailable']).optional(),
  lastSyncedTime: timestamp,
  lastValidationTime: timestamp,
  message: text,
  lastSyncedRevision: text,
  accessMode,
})

/** Which bucket a location is and how to get at it. */
export type BackupStorageLocationSpec = z.output<typeof backupStorageLocationSpec>

/** Whether the bucket could be reached, and when it was last looked into. */
export type BackupStorageLocationStatus = z.output<typeof backupStorageLocationStatus>

/** A bucket, or a prefix of one, that holds backups. */
export type BackupStorageLocation = CustomObject<BackupStorageLocationSpec, BackupStorageLocationStatus>

/** The type of BackupStorageLocation objects. */
export const BackupStorageLocations: Kind<BackupStorageLocation> = defineKind({
  version: 'v1',
  kind: 'BackupStorageLocation',
  plural: 'backupstoragelocations',
  shortNames: ['bsl'],
  columns: [
    { name: 'Phase', jsonPath: '.status.phase', type: 'string' },
    { name: 'Last Validated', jsonPath: '.status.lastValidationTime', type: 'date' },
    { name: 'Age', jsonPath: '.metadata.creationTimestamp', type: 'date' },
    { name: 'Default', jsonPath: '.spec.default', type: 'boolean' },
  ],
  spec: backupStorageLocationSpec,
  status: backupStorageLocationStatus,
})
