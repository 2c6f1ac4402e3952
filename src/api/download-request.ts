import { z } from 'zod'
import { fields, text, timestamp } from './fields.ts'
import type { CustomObject, Kind } from './kind.ts'
import { defineKind } from './kind.ts'

/** Every file of a backup or restore that may be asked for. */
export const downloadTargetKinds = [
  'BackupLog',
  'BackupContents',
  'BackupVolumeSnapshots',
  'BackupItemOperations',
  'BackupResourceList',
  'BackupResults',
  'RestoreLog',
  'RestoreResults',
  'RestoreResourceList',
  'RestoreItemOperations',
  'CSIBackupVolumeSnapshots',
  'CSIBackupVolumeSnapshotContents',
  'BackupVolumeInfos',
  'RestoreVolumeInfo',
] as const

/**
 * Annotations by which a request asks for an artifact that Velero has no word for, `manifest`, in place of that in its spec, and by
 * which our server says that its link leads there. Velero's server leaves the second one out.
 */
export const artifactAnnotations = {
  asked: 'lifeboat.dev/artifact',
  answered: 'lifeboat.dev/answered-artifact',
} as const

/**
 * Annotation of an answered request: path and query by which every replica of our server gives the file, as long as `status.downloadURL` does. For who
 * reaches neither the bucket nor a replica, but the API server. Velero's server sets none.
 */
export const downloadPathAnnotation = 'lifeboat.dev/download-path'

/** The `reason` of the Status by which our HTTP API refuses such a path: there is no such file; it is not, or no longer, signed; the store cannot be read. */
export const downloadRefusals = { missing: 'FileMissing', link: 'LinkRefused', store: 'StoreFailed' } as const
export type DownloadRefusal = keyof typeof downloadRefusals

/** The Service in front of the replicas, in the namespace of the installation, and its port. */
export const serverService = { name: 'lifeboat', port: 'http' } as const

/** `spec` of a DownloadRequest. */
export const downloadRequestSpec = fields({
  target: fields({ kind: z.enum(downloadTargetKinds), name: z.string() }),
})

/** `status` of a DownloadRequest. */
export const downloadRequestStatus = fields({
  phase: z.enum(['New', 'Processed']).optional(),
  downloadURL: text,
  expiration: timestamp,
})

/** Which file of which backup or restore is wanted. */
export type DownloadRequestSpec = z.output<typeof downloadRequestSpec>

/** Where the file can be had, and until when. */
export type DownloadRequestStatus = z.output<typeof downloadRequestStatus>

/** A file of a backup or restore that may be asked for. */
export type DownloadTargetKind = (typeof downloadTargetKinds)[number]

/** Asks the server for a link to one file of a backup or restore. */
export type DownloadRequest = CustomObject<DownloadRequestSpec, DownloadRequestStatus>

/** The type of DownloadRequest objects. */
export const DownloadRequests: Kind<DownloadRequest> = defineKind({
  version: 'v1',
  kind: 'DownloadRequest',
  plural: 'downloadrequests',
  spec: downloadRequestSpec,
  status: downloadRequestStatus,
})
