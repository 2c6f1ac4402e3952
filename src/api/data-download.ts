import { z } from 'zod'
import { dataPathPhase, dataPathProgress, nodeOs, placeColumns, progressColumns } from './data-path.ts'
import { durationText, fields, flag, int64, text, textMap, timestamp } from './fields.ts'
import type { CustomObject, Kind } from './kind.ts'
import { defineKind } from './kind.ts'

/** `spec` of a DataDownload. */
export const dataDownloadSpec = fields({
  targetVolume: fields({ pvc: z.string(), pv: z.string(), namespace: z.string() }),
  backupStorageLocation: z.string(),
  snapshotID: z.string(),
  sourceNamespace: z.string(),
  datamover: text,
  dataMoverConfig: textMap,
  cancel: flag,
  operationTimeout: durationText,
  nodeOS: nodeOs,
  snapshotSize: int64,
})

/** `status` of a DataDownload. */
export const dataDownloadStatus = fields({
  phase: dataPathPhase,
  message: text,
  node: text,
  acceptedByNode: text,
  progress: dataPathProgress,
  startTimestamp: timestamp,
  completionTimestamp: timestamp,
  acceptedTimestamp: timestamp,
})

/** Which snapshot goes into which volume, and by whom. */
export type DataDownloadSpec = z.output<typeof dataDownloadSpec>

/** How far the copy is. */
export type DataDownloadStatus = z.output<typeof dataDownloadStatus>

/** The copy of one snapshot's data back into a volume. */
export type DataDownload = CustomObject<DataDownloadSpec, DataDownloadStatus>

/** The type of DataDownload objects. */
export const DataDownloads: Kind<DataDownload> = defineKind({
  version: 'v2alpha1',
  kind: 'DataDownload',
  plural: 'datadownloads',
  columns: [...progressColumns, ...placeColumns],
  spec: dataDownloadSpec,
  status: dataDownloadStatus,
})
