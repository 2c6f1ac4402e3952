// One restore run: store → archive → selection and items → apply, then the artifacts. It composes the rooms and knows
// nothing of controllers, commands or the Restore custom resource's life in a cluster; whoever calls it stores the result.
import { timestamp } from '#api/timestamp.ts'
import { tmpdir } from 'node:os'
import type { Backup } from '#api/backup.ts'
import type { Restore } from '#api/restore.ts'
import { type StoredRunLog, openRunLog } from '#archive/run-log.ts'
import type { VolumeInfo } from '#archive/volume-info.ts'
import { hookStatus, type HookCounts } from '#hooks/hook-counts.ts'
import { refKey } from '#items/item-ref.ts'
import type { Discovery, KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { resourceName } from '#kube/object.ts'
import type { PluginModule } from '#plugins/open.ts'
import { type ObjectStore, StoreError } from '#store/store.ts'
import type { OpenSnapshotter } from '#volumes/snapshotter.ts'
import { restoreIsStored, storeArtifacts, takeUp } from './artifacts.ts'
import { type BackupSource, openBackup } from './backup-source.ts'
import { type RestorePatience, openCourse } from './course.ts'
import type { Filling } from './claimed-snapshots.ts'
import { RestoreError } from './error.ts'
import { openExecHooks } from './exec-hooks.ts'
import { finishVolumes } from './filled-volumes.ts'
import { openGroupStubs } from './group-stubs.ts'
import { openNativeVolumes } from './native-volumes.ts'
import { openRestoreItemActions, type RestoreItemActions } from './item-actions.ts'
import { restoreOperationStatus, type RestoreOperationOptions } from './operations.ts'
import type { RestoreProgress } from './progress.ts'
import { type RestoreRecord, restoreRecord } from './restore-record.ts'
import type { RestoreSettings } from './settings.ts'

export interface RestoreRun extends Pick<RestoreOperationOptions, 'operationPollMillis' | 'onOperations'> {
  /** Defaulted and validated, with `spec.backupName` set. `metadata.uid` may be absent (no installation). */
  restore: Restore
  /** The backup as the cluster knows it; read from the store when absent. */
  backup?: Backup | undefined
  kube: KubeClient
  store: ObjectStore
  now: () => Date
  /** Where the archive's content is spooled while the run lasts; default the system's folder for temporary files. */
  spoolDir?: string | undefined
  /** Opens the snapshot locations of the target cluster; absent where there can be none. */
  snapshotters?: OpenSnapshotter | undefined
  /** Their actions are run on the items, in order. */
  plugins?: readonly PluginModule[] | undefined
  settings?: RestoreSettings | undefined
  patience?: RestorePatience | undefined
  /** True when an earlier run of this very restore (same `metadata.uid`) was cut off: it is taken up instead of refused. */
  resumes?: boolean | undefined
  /** True when the store is meant to be read only: a record that it does not take is a warning then, not an error. */
  readOnly?: boolean | undefined
  signal?: AbortSignal | undefined
  /** At most five calls a second besides one for each step. */
  onProgress?: ((progress: RestoreProgress) => void) | undefined
}

/**
 * Restores `backupName` from `store` into the cluster and writes the artifacts under `restores/<name>/`. Resolves to the
 * Restore with its final phase (Completed or PartiallyFailed), counters, progress and times. Rejects with `RestoreError`:
 * before anything was changed in the cluster, or with 'aborted' or 'cluster' in the middle; then nothing is left in the store. A
 * store that does not take the artifacts undoes nothing: that is one more error, and its reason the `failureReason`.
 */
export async function runRestore(run: RestoreRun): Promise<Restore> {
  const standing: Standing = { record: undefined }
  try {
    return await performRestore(run, standing)
  } catch (error) {
    throw restoreErrorOf(error, { run, standing })
  }
}

/** How far a run has got when it fails. */
interface Standing {
  record: RestoreRecord | undefined
}

async function performRestore(run: RestoreRun, standing: Standing): Promise<Restore> {
  const { restore, kube, store, now, signal, spoolDir = tmpdir() } = run
  const { name, namespace } = restore.metadata
  const backupName = restore.spec.backupName ?? ''
  const startTimestamp = restore.status?.startTimestamp ?? timestamp(now())
  signal?.throwIfAborted()
  const ended = run.resumes === true ? await takeUp(store, restore) : undefined
  if (ended !== undefined) return ended
  if (await restoreIsStored(store, name)) {
    throw new RestoreError('name-taken', `restore ${name} is in ${store.url} already; choose another name`)
  }
  run.onProgress?.({ step: 'opening', totalItems: 0, itemsRestored: 0, warnings: 0, errors: 0 })
  // The cluster is asked while the archive is read.
  const discovery = kube.discover({ signal })
  discovery.catch(() => undefined)
  await using source = await openBackup(backupName, { store, spoolDir, signal })
  await using log = await openRunLog({
    run: { restore: namespace === undefined ? name : `${namespace}/${name}` },
    spoolDir,
    now,
  })
  log.info('starting restore', { backup: backupName, store: store.url })
  await using actions = await openActions(run, { source, log })
  const { record, volumes, hooks } = await restoreObjects(run, { source, discovery, log, standing, actions })
  const finished: Restore = {
    ...restore,
    status: {
      ...restore.status,
      startTimestamp,
      ...finalStatus(record, actions),
      // Velero writes it for every restore, also where there was nothing to count.
      hookStatus: hookStatus(hooks),
      completionTimestamp: timestamp(now()),
    },
  }
  log.info('restore ended', { phase: finished.status?.phase })
  const artifacts = {
    restore: finished,
    log: await log.close(),
    results: record.results(),
    resourceList: record.resourceList,
    operations: actions?.operations.records() ?? [],
    volumes,
  }
  try {
    await storeArtifacts(artifacts, { store, signal })
    return finished
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    return withoutRecord(finished, error, run)
  }
}

/** The objects are there, whatever became of the record. In the results nobody could read of it. */
function withoutRecord(restore: Restore, { message }: StoreError, { readOnly = false }: RestoreRun): Restore {
  const { status } = restore
  const failureReason = `the log and the results of the restore could not be stored: ${message}`
  const counted = readOnly
    ? { warnings: (status?.warnings ?? 0) + 1 }
    : { errors: (status?.errors ?? 0) + 1, phase: 'PartiallyFailed' as const }
  return { ...restore, status: { ...status, ...counted, failureReason } }
}

async function restoreObjects(
  run: RestoreRun,
  sources: Sources & { discovery: Promise<Discovery>; standing: Standing; actions: RestoreItemActions | undefined },
): Promise<{ record: RestoreRecord; volumes: VolumeInfo[]; hooks: HookCounts }> {
  const { restore, kube, signal, settings, patience, resumes } = run
  const { source, log, standing, actions } = sources
  await using natives = openNativeVolumes({
    ...run,
    snapshots: source.natives,
    open: run.snapshotters,
    patience: patience?.deletion,
  })
  const course = await openCourse({
    ...sources,
    restore,
    kube,
    settings,
    natives,
    patience,
    resumes,
    signal,
  })
  const record = restoreRecord({ log, totalItems: course.plan.tasks, onProgress: run.onProgress })
  standing.record = record
  record.step('restoring')
  for (const warning of course.warnings) record.warn(warning)
  const filled: Filling[] = []
  await using stubs = openGroupStubs({ restore, kube, log, signal })
  await using hooks = openExecHooks({ restore, kube, log, patience: patience?.containers, signal })
  for await (const outcome of course.outcomes) {
    record.take(outcome)
    await stubs.standFor(course.plan.groups)
    const key = refKey(outcome)
    const filling = course.plan.fillings.get(key)
    if (filling !== undefined && outcome.action === 'created') filled.push(filling)
    const hooked = course.plan.hooked.get(key)
    if (hooked !== undefined && (outcome.action === 'created' || outcome.action === 'recreated')) hooks.start(hooked)
  }
  if ((actions?.operations.counts.attempted ?? 0) + hooks.counts.hooksAttempted > 0) record.step('waiting')
  await actions?.operations.settle({
    anyErrors: () => record.progress().errors > 0,
    failed: ({ type, namespace, name }, message) =>
      record.fail(message, { resource: resourceName(type), namespace, name }),
  })
  await hooks.settle(({ pod, message }) => record.fail(message, { resource: 'pods', ...pod }))
  record.step('finishing')
  const volumes = await finishVolumes(filled, {
    ...run,
    volumes: source.volumes,
    log,
    patience: patience?.volumes,
    failed: (claim, reason) => record.fail(reason, { resource: 'persistentvolumeclaims', ...claim }),
  })
  return { record, volumes: [...natives.infos(), ...volumes], hooks: hooks.counts }
}

interface Sources {
  source: BackupSource
  log: StoredRunLog
}

/** The part of plug-ins, if there are any. */
async function openActions(run: RestoreRun, { source, log }: Sources): Promise<RestoreItemActions | undefined> {
  const { plugins = [], patience } = run
  if (plugins.every(({ actions }) => actions.restoreItemActions.length === 0)) return undefined
  const archive = source.archive
  return await openRestoreItemActions({ ...run, plugins, archive, log, patience: patience?.additionalItems })
}

function finalStatus(record: RestoreRecord, actions: RestoreItemActions | undefined): NonNullable<Restore['status']> {
  const { itemsRestored, warnings, errors } = record.progress()
  return {
    phase: errors > 0 ? 'PartiallyFailed' : 'Completed',
    ...(warnings > 0 ? { warnings } : {}),
    ...(errors > 0 ? { errors } : {}),
    progress: { totalItems: itemsRestored, itemsRestored },
    ...(actions === undefined ? {} : restoreOperationStatus(actions.operations.counts)),
  }
}

function restoreErrorOf(error: unknown, { run, standing }: { run: RestoreRun; standing: Standing }): unknown {
  const { name } = run.restore.metadata
  const progress = standing.record?.progress()
  const done =
    progress === undefined || progress.itemsRestored === 0
      ? 'nothing was restored'
      : `${progress.itemsRestored} of ${progress.totalItems} objects were done; they stay, and another restore goes on from there`
  if (run.signal?.aborted === true)
    return new RestoreError('aborted', `restore ${name} was stopped: ${done}`, { cause: error })
  if (error instanceof KubeError) {
    return new RestoreError('cluster', `restore ${name} cannot go on: ${error.message}; ${done}`, { cause: error })
  }
  if (error instanceof StoreError) {
    return new RestoreError('store', `restore ${name} cannot go on: ${error.message}; ${done}`, { cause: error })
  }
  return error
}
