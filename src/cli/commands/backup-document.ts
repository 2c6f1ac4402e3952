import type { Backup, BackupHook, BackupSpec } from '#api/backup.ts'
import type { Results, ResultSet } from '#archive/results.ts'
import { instant, triState, words } from '../describe.ts'
import type { BackupFacts } from './backup-facts.ts'
import { durationText, selectorText } from './backup-spec-lines.ts'
import {
  copiesByPod,
  copyGroups,
  csiSnapshots,
  leftOutVolumes,
  nativeSnapshots,
  SEE_DETAILS,
  type VolumeFact,
} from './backup-volumes.ts'

type Document = Record<string, unknown>

/**
 * A description for machines: the keys of `velero backup describe -o json` (spec/cli.md §9.2), misspelt ones too, in the order of the alphabet; `consistency`,
 * `frozen`, `volumesWithoutData` and `failureReason` are ours.
 */
export function backupDocument(facts: BackupFacts, { details }: { details: boolean }): Document {
  const { backup, results, trailer, volumes, deletions } = facts
  const { metadata, spec, status } = backup
  const { name, namespace, labels = null, annotations = null } = metadata
  const document: Document = {
    metadata: { name, namespace, labels, annotations },
    phase: status?.phase ?? '',
    failureReason: status?.failureReason,
    resourcePolicies: spec.resourcePolicy && { type: spec.resourcePolicy.kind, name: spec.resourcePolicy.name },
    validationErrors: status?.validationErrors?.length ? status.validationErrors : undefined,
    ...resultsDocument(status, results),
    spec: specDocument(spec),
    status: statusDocument(facts, details),
    deletionAttempts: deletions.length === 0 ? undefined : deletionDocument(deletions),
    consistency: trailer && consistencyDocument(trailer, details),
    frozen: details ? trailer?.frozen : undefined,
    volumesWithoutData: trailer && details ? leftOutVolumes(volumes ?? []) : undefined,
  }
  return inOrder(document) as Document
}

/** Both are there as soon as one has something to say. */
function resultsDocument(status: Backup['status'], results: Results | undefined): Document {
  const { errors = 0, warnings = 0 } = status ?? {}
  if (errors + warnings === 0) return {}
  return { errors: setDocument(errors, results?.errors), warnings: setDocument(warnings, results?.warnings) }
}

function setDocument(count: number, set: ResultSet | undefined): Document {
  if (count === 0) return {}
  if (set === undefined) return { count }
  const namespaces = set.namespaces ?? {}
  // Velero's key is the singular, and a map without entries is a list.
  const namespace = Object.keys(namespaces).length === 0 ? [] : namespaces
  return { velero: set.velero ?? [], cluster: set.cluster ?? [], namespace }
}

function specDocument(spec: BackupSpec): Document {
  const hooks = spec.hooks?.resources ?? []
  const order = spec.orderedResources ?? {}
  return {
    namespaces: { included: words(spec.includedNamespaces, '*'), excluded: words(spec.excludedNamespaces) },
    resources: {
      included: words(spec.includedResources, '*'),
      excluded: words(spec.excludedResources),
      clusterScoped: triState(spec.includeClusterResources, { on: 'included', off: 'excluded' }),
    },
    labelSelector: selectorText(spec.labelSelector),
    storageLocation: spec.storageLocation ?? '',
    veleroNativeSnapshotPVs: triState(spec.snapshotVolumes),
    veleroSnapshotMoveData: triState(spec.snapshotMoveData),
    dataMover: spec.datamover || '<none>',
    TTL: durationText(spec.ttl),
    CSISnapshotTimeout: durationText(spec.csiSnapshotTimeout),
    hooks: hooks.length === 0 ? undefined : { resources: Object.fromEntries(hooks.map(hookEntry)) },
    orderedResources: Object.keys(order).length === 0 ? undefined : order,
  }
}

function hookEntry(hook: BackupHook): [string, Document] {
  return [
    hook.name,
    {
      namespaces: { included: words(hook.includedNamespaces, '*'), excluded: words(hook.excludedNamespaces) },
      resources: { included: words(hook.includedResources, '*'), excluded: words(hook.excludedResources) },
      labelSelector: selectorText(hook.labelSelector),
      preExecHook: (hook.pre ?? []).map(execDocument),
      postExecHook: (hook.post ?? []).map(execDocument),
    },
  ]
}

function execDocument({ exec }: NonNullable<BackupHook['pre']>[number]): Document {
  const { container = '', command, onError = '', timeout } = exec
  // The colon belongs to the key: a slip of Velero that its readers have come to expect.
  return { container, command: command.join(' '), 'onError:': onError, timeout: durationText(timeout) }
}

function statusDocument(facts: BackupFacts, details: boolean): Document {
  const { status } = facts.backup
  const { progress, hookStatus } = status ?? {}
  const running = status?.phase === 'InProgress'
  return {
    backupFormatVersion: status?.formatVersion ?? '',
    started: instant(status?.startTimestamp),
    completed: instant(status?.completionTimestamp),
    expiration: instant(status?.expiration, '<nil>'),
    ...(progress && {
      [running ? 'estimatedTotalItemsToBeBackedUp' : 'totalItemsToBeBackedUp']: progress.totalItems ?? 0,
      [running ? 'itemsBackedUpSoFar' : 'itemsBackedUp']: progress.itemsBackedUp ?? 0,
    }),
    ...(details && resourceListDocument(facts)),
    backupVolumes: {
      nativeSnapshots: nativeDocument(facts, details),
      csiSnapshots: csiDocument(facts, details),
      podVolumeBackups: copiesDocument(facts, details),
    },
    ...(hookStatus && {
      hooksAttempted: hookStatus.hooksAttempted ?? 0,
      hooksFailed: hookStatus.hooksFailed ?? 0,
    }),
  }
}

function resourceListDocument({ resourceList }: BackupFacts): Document {
  return resourceList === undefined ? { errorGettingResourceList: '<not found>' } : { resourceList }
}

function nativeDocument({ volumes }: BackupFacts, details: boolean): unknown {
  const snapshots = nativeSnapshots(volumes ?? [])
  if (snapshots.length === 0) return '<none included>'
  return Object.fromEntries(snapshots.map(({ name, facts }) => [name, details ? factDocument(facts) : SEE_DETAILS]))
}

function csiDocument({ volumes }: BackupFacts, details: boolean): unknown {
  if (volumes === undefined) return '<none included or not detectable>'
  const byClaim = Map.groupBy(csiSnapshots(volumes), ({ name }) => name)
  if (byClaim.size === 0) return '<none included>'
  const entries = [...byClaim].map(([claim, snapshots]) => {
    const ofClaim = snapshots.map(({ kind, facts }) => [
      kind === 'data-movement' ? 'dataMovement' : 'snapshot',
      details ? factDocument(facts) : `included, ${SEE_DETAILS}`,
    ])
    return [claim, Object.fromEntries(ofClaim)]
  })
  return Object.fromEntries(entries)
}

function factDocument(facts: readonly VolumeFact[]): Document {
  return Object.fromEntries(facts.map(([, key, value]) => [key, value]))
}

function copiesDocument({ copies }: BackupFacts, details: boolean): unknown {
  const [first] = copies
  if (first === undefined) return '<none included>'
  const groups = copyGroups(copies).map((group) => [
    group.title,
    details ? copiesByPod(group).map(([pod, volumes]) => ({ [pod]: volumes })) : group.copies.length,
  ])
  // Velero writes it so.
  return { uploderType: first.spec.uploaderType, podVolumeBackupsDetails: Object.fromEntries(groups) }
}

function deletionDocument(deletions: BackupFacts['deletions']): Document {
  const failed = deletions.filter(({ status }) => (status?.errors?.length ?? 0) > 0).length
  const deleteBackupRequests = deletions.map(({ metadata, status }) => ({
    creationTimestamp: instant(metadata.creationTimestamp),
    phase: status?.phase ?? '',
    errors: status?.errors?.length ? status.errors : undefined,
  }))
  return { failed: failed === 0 ? undefined : failed, deleteBackupRequests }
}

function consistencyDocument({ cut, snapshots }: NonNullable<BackupFacts['trailer']>, details: boolean): Document {
  const outside = cut.types.filter((type) => !type.atCut)
  const { resourceVersion, types } = cut
  return { resourceVersion, types: details ? types : types.length, outside, snapshots: details ? snapshots : undefined }
}

/** The same with the keys of every map sorted, and without those that have no value. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, one]) => one !== undefined)
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, one]) => [key, inOrder(one)]))
}
