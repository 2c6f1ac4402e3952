import { z } from 'zod'
import { dataPathPhase, dataPathProgress, placeColumns, progressColumns, uploaderType } from './data-path.ts'
import { fields, flag, int64, objectReference, text, textMapOrNull, timestamp } from './fields.ts'
import type { CustomObject, Kind } from './kind.ts'
import { defineKind } from './kind.ts'

/** `spec` of a PodVolumeRestore. */
export const podVolumeRestoreSpec = fields({
  pod: objectReference,
  volume: z.string(),
  backupStorageLocation: z.string(),
  repoIdentifier: z.string(),
  uploaderType,
  snapshotID: z.string(),
  sourceNamespace: z.string(),
  uploaderSettings: textMapOrNull,
  cancel: flag,
  snapshotSize: int64,
})

/** `status` of a PodVolumeRestore. */
export const podVolumeRestoreStatus = fields({
  phase: dataPathPhase,
  message: text,
  startTimestamp: timestamp,
  completionTimestamp: timestamp,
  acceptedTimestamp: timestamp,
  progress: dataPathProgress,
  node: text,
})

/** Which snapshot goes into which volume of which pod. `sourceNamespace` is the one before any mapping. */
export type PodVolumeRestoreSpec = z.output<typeof podVolumeRestoreSpec>

/** How far the copy is. */
export type PodVolumeRestoreStatus = z.output<typeof podVolumeRestoreStatus>

/** The copy of one snapshot's files back into a pod volume. */
export type PodVolumeRestore = CustomObject<PodVolumeRestoreSpec, PodVolumeRestoreStatus>

/** The type of PodVolumeRestore objects. */
export const PodVolumeRestores: Kind<PodVolumeRestore> = defineKind({
  version: 'v1',
  kind: 'PodVolumeRestore',
  plural: 'podvolumerestores',
  columns: [
    ...progressColumns,
    ...placeColumns,
    { name: 'Uploader Type', jsonPath: '.spec.uploaderType', type: 'string' },
  ],
  spec: podVolumeRestoreSpec,
  status: podVolumeRestoreStatus,
})
