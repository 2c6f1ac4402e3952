import { z } from 'zod'
import { fields, textsOrNull } from './fields.ts'
import type { CustomObject, Kind } from './kind.ts'
import { defineKind } from './kind.ts'

/** `spec` of a DeleteBackupRequest. */
export const deleteBackupRequestSpec = fields({ backupName: z.string() })

/** `status` of a DeleteBackupRequest. */
export const deleteBackupRequestStatus = fields({
  phase: z.enum(['New', 'InProgress', 'Processed']).optional(),
  errors: textsOrNull,
})

/** Which backup is to go. */
export type DeleteBackupRequestSpec = z.output<typeof deleteBackupRequestSpec>

/** How far the deletion is, and what stood in its way. */
export type DeleteBackupRequestStatus = z.output<typeof deleteBackupRequestStatus>

/** Asks the server to delete a backup with all that belongs to it. */
export type DeleteBackupRequest = CustomObject<DeleteBackupRequestSpec, DeleteBackupRequestStatus>

/** The type of DeleteBackupRequest objects. */
export const DeleteBackupRequests: Kind<DeleteBackupRequest> = defineKind({
  version: 'v1',
  kind: 'DeleteBackupRequest',
  plural: 'deletebackuprequests',
  columns: [
    { name: 'BackupName', jsonPath: '.spec.backupName', type: 'string' },
    { name: 'Status', jsonPath: '.status.phase', type: 'string' },
  ],
  spec: deleteBackupRequestSpec,
  status: deleteBackupRequestStatus,
})
