import { z } from 'zod'
import { uploaderType } from './data-path.ts'
import { durationText, fields, text, textMapOrNull, timestamp } from './fields.ts'
import type { CustomObject, Kind } from './kind.ts'
import { defineKind } from './kind.ts'

/** `spec` of a BackupRepository. */
export const backupRepositorySpec = fields({
  volumeNamespace: z.string(),
  backupStorageLocation: z.string(),
  repositoryType: uploaderType,
  resticIdentifier: text,
  maintenanceFrequency: durationText,
  repositoryConfig: textMapOrNull,
})

/** `status` of a BackupRepository. */
export const backupRepositoryStatus = fields({
  phase: z.enum(['New', 'Ready', 'NotReady']).optional(),
  message: text,
  lastMaintenanceTime: timestamp,
  recentMaintenance: z
    .array(
      fields({
        result: z.enum(['Succeeded', 'Failed']).optional(),
        startTimestamp: timestamp,
        completeTimestamp: timestamp,
        message: text,
      }),
    )
    .optional(),
})

/** Whose volumes the repository holds, where it is and how often it is cleaned. */
export type BackupRepositorySpec = z.output<typeof backupRepositorySpec>

/** Whether the repository can be used, and its last cleanings, oldest first. */
export type BackupRepositoryStatus = z.output<typeof backupRepositoryStatus>

/** The repository of one namespace's volumes in one location. Found by its labels, never by its name. */
export type BackupRepository = CustomObject<BackupRepositorySpec, BackupRepositoryStatus>

/** The type of BackupRepository objects. */
export const BackupRepositories: Kind<BackupRepository> = defineKind({
  version: 'v1',
  kind: 'BackupRepository',
  plural: 'backuprepositories',
  columns: [
    { name: 'Age', jsonPath: '.metadata.creationTimestamp', type: 'date' },
    { name: 'Repository Type', jsonPath: '.spec.repositoryType', type: 'string' },
  ],
  spec: backupRepositorySpec,
  status: backupRepositoryStatus,
})
