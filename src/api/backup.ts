import { z } from 'zod'
import {
  count,
  duration,
  fields,
  hookStatus,
  labelSelector,
  localReference,
  onHookError,
  text,
  textMap,
  textMapOrNull,
  texts,
  textsOrNull,
  timestamp,
  triState,
} from './fields.ts'
import type { CustomObject, Kind } from './kind.ts'
import { defineKind } from './kind.ts'

const backupExecHook = fields({
  exec: fields({
    container: text,
    command: z.array(z.string()).min(1),
    onError: onHookError,
    timeout: duration,
  }),
})

const backupHook = fields({
  name: z.string(),
  includedNamespaces: textsOrNull,
  excludedNamespaces: textsOrNull,
  includedResources: textsOrNull,
  excludedResources: textsOrNull,
  labelSelector: labelSelector.nullish(),
  pre: z.array(backupExecHook).optional(),
  post: z.array(backupExecHook).optional(),
})

/** `spec` of a Backup, and `spec.template` of a Schedule. */
export const backupSpec = fields({
  metadata: fields({ labels: textMap }).optional(),
  includedNamespaces: textsOrNull,
  excludedNamespaces: textsOrNull,
  includedResources: textsOrNull,
  excludedResources: textsOrNull,
  includedClusterScopedResources: textsOrNull,
  excludedClusterScopedResources: textsOrNull,
  includedNamespaceScopedResources: textsOrNull,
  excludedNamespaceScopedResources: textsOrNull,
  includeClusterResources: triState,
  labelSelector: labelSelector.nullish(),
  orLabelSelectors: z.array(labelSelector).nullish(),
  snapshotVolumes: triState,
  ttl: duration,
  volumeGroupSnapshotLabelKey: text,
  hooks: fields({ resources: z.array(backupHook).nullish() }).optional(),
  storageLocation: text,
  volumeSnapshotLocations: texts,
  defaultVolumesToRestic: triState,
  defaultVolumesToFsBackup: triState,
  orderedResources: textMapOrNull,
  csiSnapshotTimeout: duration,
  itemOperationTimeout: duration,
  resourcePolicy: localReference.optional(),
  snapshotMoveData: triState,
  datamover: text,
  uploaderConfig: fields({ parallelFilesUpload: count }).nullish(),
})

/** Every phase of a Backup; an absent or empty phase means New. */
export const backupPhases = [
  'New',
  'Queued',
  'ReadyToStart',
  'FailedValidation',
  'InProgress',
  'WaitingForPluginOperations',
  'WaitingForPluginOperationsPartiallyFailed',
  'Finalizing',
  'FinalizingPartiallyFailed',
  'Completed',
  'PartiallyFailed',
  'Failed',
  'Deleting',
] as const

/** `status` of a Backup. */
export const backupStatus = fields({
  version: count,
  formatVersion: text,
  expiration: timestamp,
  phase: z.enum(backupPhases).optional(),
  queuePosition: count,
  validationErrors: textsOrNull,
  startTimestamp: timestamp,
  completionTimestamp: timestamp,
  volumeSnapshotsAttempted: count,
  volumeSnapshotsCompleted: count,
  failureReason: text,
  warnings: count,
  errors: count,
  progress: fields({ totalItems: count, itemsBackedUp: count }).nullish(),
  csiVolumeSnapshotsAttempted: count,
  csiVolumeSnapshotsCompleted: count,
  backupItemOperationsAttempted: count,
  backupItemOperationsCompleted: count,
  backupItemOperationsFailed: count,
  hookStatus,
})

/** What a backup takes and how, as its maker asked for it. */
export type BackupSpec = z.output<typeof backupSpec>

/** How far a backup is and what came of it. */
export type BackupStatus = z.output<typeof backupStatus>

/** Where a Backup is in its life. */
export type BackupPhase = (typeof backupPhases)[number]

/** One entry of `spec.hooks.resources` of a Backup. */
export type BackupHook = z.output<typeof backupHook>

/** One backup, as the API server and `velero-backup.json` hold it. */
export type Backup = CustomObject<BackupSpec, BackupStatus>

/** The type of Backup objects. */
export const Backups: Kind<Backup> = defineKind({
  version: 'v1',
  kind: 'Backup',
  plural: 'backups',
  spec: backupSpec,
  status: backupStatus,
})
