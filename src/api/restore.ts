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
  textsOrNull,
  timestamp,
  triState,
} from './fields.ts'
import type { CustomObject, Kind } from './kind.ts'
import { defineKind } from './kind.ts'

const restoreExecHook = fields({
  container: text,
  command: z.array(z.string()).min(1),
  onError: onHookError,
  execTimeout: duration,
  waitTimeout: duration,
  waitForReady: triState,
})

// Containers are passed on to pods as they are: the server that takes the pod judges them, with its own version's fields.
const raw = { 'x-kubernetes-preserve-unknown-fields': true }

const restoreInitHook = fields({
  initContainers: z.array(fields({}).meta(raw)).meta(raw).optional(),
  timeout: duration,
})

const restoreHook = fields({
  name: z.string(),
  includedNamespaces: textsOrNull,
  excludedNamespaces: textsOrNull,
  includedResources: textsOrNull,
  excludedResources: textsOrNull,
  labelSelector: labelSelector.nullish(),
  postHooks: z.array(fields({ exec: restoreExecHook.optional(), init: restoreInitHook.optional() })).optional(),
})

/** `spec` of a Restore. */
export const restoreSpec = fields({
  backupName: text,
  scheduleName: text,
  includedNamespaces: textsOrNull,
  excludedNamespaces: textsOrNull,
  includedResources: textsOrNull,
  excludedResources: textsOrNull,
  namespaceMapping: textMap,
  labelSelector: labelSelector.nullish(),
  orLabelSelectors: z.array(labelSelector).nullish(),
  restorePVs: triState,
  restoreStatus: fields({ includedResources: textsOrNull, excludedResources: textsOrNull }).nullish(),
  preserveNodePorts: triState,
  includeClusterResources: triState,
  hooks: fields({ resources: z.array(restoreHook).optional() }).optional(),
  existingResourcePolicy: z.string().nullish(),
  itemOperationTimeout: duration,
  resourceModifier: localReference.nullish(),
  uploaderConfig: fields({ writeSparseFiles: triState, parallelFilesDownload: count }).nullish(),
})

/** Every phase of a Restore; an absent or empty phase means New. */
export const restorePhases = [
  'New',
  'FailedValidation',
  'InProgress',
  'WaitingForPluginOperations',
  'WaitingForPluginOperationsPartiallyFailed',
  'Completed',
  'PartiallyFailed',
  'Failed',
  'Finalizing',
  'FinalizingPartiallyFailed',
] as const

/** `status` of a Restore. */
export const restoreStatus = fields({
  phase: z.enum(restorePhases).optional(),
  validationErrors: textsOrNull,
  warnings: count,
  errors: count,
  failureReason: text,
  startTimestamp: timestamp,
  completionTimestamp: timestamp,
  progress: fields({ totalItems: count, itemsRestored: count }).nullish(),
  restoreItemOperationsAttempted: count,
  restoreItemOperationsCompleted: count,
  restoreItemOperationsFailed: count,
  hookStatus,
})

/** What a restore takes from which backup, and how, as its maker asked for it. */
export type RestoreSpec = z.output<typeof restoreSpec>

/** How far a restore is and what came of it. */
export type RestoreStatus = z.output<typeof restoreStatus>

/** Where a Restore is in its life. */
export type RestorePhase = (typeof restorePhases)[number]

/** One entry of `spec.hooks.resources` of a Restore. */
export type RestoreHook = z.output<typeof restoreHook>

/** One restore, as the API server holds it. */
export type Restore = CustomObject<RestoreSpec, RestoreStatus>

/** The type of Restore objects. */
export const Restores: Kind<Restore> = defineKind({
  version: 'v1',
  kind: 'Restore',
  plural: 'restores',
  spec: restoreSpec,
  status: restoreStatus,
})
