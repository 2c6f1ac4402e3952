import { z } from 'zod'
import {
  dataPathPhase,
  dataPathProgress,
  incrementalColumn,
  placeColumns,
  progressColumns,
  uploaderType,
} from './data-path.ts'
import { fields, flag, int64, objectReference, text, textMap, textMapOrNull, timestamp } from './fields.ts'
import type { CustomObject, Kind } from './kind.ts'
import { defineKind } from './kind.ts'

/** `spec` of a PodVolumeBackup. */
export const podVolumeBackupSpec = fields({
  node: z.string(),
  pod: objectReference,
  volume: z.string(),
  backupStorageLocation: z.string(),
  repoIdentifier: z.string(),
  uploaderType,
  tags: textMap,
  uploaderSettings: textMapOrNull,
  cancel: flag,
})

/** `status` of a PodVolumeBackup. */
export const podVolumeBackupStatus = fields({
  phase: dataPathPhase,
  path: text,
  snapshotID: text,
  message: text,
  startTimestamp: timestamp,
  completionTimestamp: timestamp,
  acceptedTimestamp: timestamp,
  progress: dataPathProgress,
  incrementalBytes: int64,
})

/** Which volume of which pod is copied, on which node and to where. */
export type PodVolumeBackupSpec = z.output<typeof podVolumeBackupSpec>

/** How far the copy is and which snapshot it made. */
export type PodVolumeBackupStatus = z.output<typeof podVolumeBackupStatus>

/** The copy of one pod volume's files into a repository. */
export type PodVolumeBackup = CustomObject<PodVolumeBackupSpec, PodVolumeBackupStatus>

/** The type of PodVolumeBackup objects. */
export const PodVolumeBackups: Kind<PodVolumeBackup> = defineKind({
  version: 'v1',
  kind: 'PodVolumeBackup',
  plural: 'podvolumebackups',
  columns: [
    ...progressColumns,
    incrementalColumn,
    ...placeColumns,
    { name: 'Uploader', jsonPath: '.spec.uploaderType', type: 'string' },
  ],
  spec: podVolumeBackupSpec,
  status: podVolumeBackupStatus,
})
