import { z } from 'zod'
import { fields, int64 } from './fields.ts'
import type { PrinterColumn } from './kind.ts'

/** Every phase of the kinds that move a volume's data: PodVolumeBackup, PodVolumeRestore, DataUpload, DataDownload. Absent means New. */
export const dataPathPhases = [
  'New',
  'Accepted',
  'Prepared',
  'InProgress',
  'Canceling',
  'Canceled',
  'Completed',
  'Failed',
] as const

/** Where the move of a volume's data is. */
export type DataPathPhase = (typeof dataPathPhases)[number]

/** Optional phase of a data mover. */
export const dataPathPhase = z.enum(dataPathPhases).optional()

/** How many bytes have been moved, of how many. */
export const dataPathProgress = fields({ totalBytes: int64, bytesDone: int64 }).optional()

/** Which program's repository a volume is in; empty means restic, as Velero's oldest objects have it. */
export const uploaderType = z.enum(['kopia', 'restic', '']).optional()

/** Operating system of a node, for choosing where data is moved. */
export const nodeOs = z.enum(['auto', 'linux', 'windows']).optional()

/** The columns that `kubectl get` shows for every data mover, up to the bytes. */
export const progressColumns: readonly PrinterColumn[] = [
  { name: 'Status', jsonPath: '.status.phase', type: 'string' },
  { name: 'Started', jsonPath: '.status.startTimestamp', type: 'date' },
  { name: 'Bytes Done', jsonPath: '.status.progress.bytesDone', type: 'integer', format: 'int64' },
  { name: 'Total Bytes', jsonPath: '.status.progress.totalBytes', type: 'integer', format: 'int64' },
]

/** The column of what an upload had to move because the last one had not. */
export const incrementalColumn: PrinterColumn = {
  name: 'Incremental Bytes',
  jsonPath: '.status.incrementalBytes',
  type: 'integer',
  format: 'int64',
  priority: 10,
}

/** The columns that follow the bytes of every data mover. */
export const placeColumns: readonly PrinterColumn[] = [
  { name: 'Storage Location', jsonPath: '.spec.backupStorageLocation', type: 'string' },
  { name: 'Age', jsonPath: '.metadata.creationTimestamp', type: 'date' },
  { name: 'Node', jsonPath: '.status.node', type: 'string' },
]
