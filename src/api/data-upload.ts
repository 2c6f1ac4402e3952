import { z } from 'zod'
import {
  dataPathPhase,
  dataPathProgress,
  incrementalColumn,
  nodeOs,
  placeColumns,
  progressColumns,
} from './data-path.ts'
import { durationText, fields, flag, int64, text, textMapOrNull, timestamp } from './fields.ts'
import type { CustomObject, Kind } from './kind.ts'
import { defineKind } from './kind.ts'

/** `spec` of a DataUpload. */
export const dataUploadSpec = fields({
  snapshotType: z.string(),
  csiSnapshot: fields({
    volumeSnapshot: z.string(),
    storageClass: z.string(),
    snapshotClass: text,
    driver: text,
  }).nullish(),
  sourcePVC: z.string(),
  sourceNamespace: z.string(),
  backupStorageLocation: z.string(),
  datamover: text,
  dataMoverConfig: textMapOrNull,
  cancel: flag,
  operationTimeout: durationText,
})

/** `status` of a DataUpload. */
export const dataUploadStatus = fields({
  phase: dataPathPhase,
  path: text,
  snapshotID: text,
  message: text,
  node: text,
  nodeOS: nodeOs,
  acceptedByNode: text,
  dataMoverResult: textMapOrNull,
  progress: dataPathProgress,
  incrementalBytes: int64,
  startTimestamp: timestamp,
  completionTimestamp: timestamp,
  acceptedTimestamp: timestamp,
})

/** Which volume snapshot is copied to where, and by whom. */
export type DataUploadSpec = z.output<typeof dataUploadSpec>

/** How far the copy is and which snapshot it made. */
export type DataUploadStatus = z.output<typeof dataUploadStatus>

/** The copy of one volume snapshot's data into a repository. */
export type DataUpload = CustomObject<DataUploadSpec, DataUploadStatus>

/** The type of DataUpload objects. */
export const DataUploads: Kind<DataUpload> = defineKind({
  version: 'v2alpha1',
  kind: 'DataUpload',
  plural: 'datauploads',
  columns: [...progressColumns, incrementalColumn, ...placeColumns],
  spec: dataUploadSpec,
  status: dataUploadStatus,
})
