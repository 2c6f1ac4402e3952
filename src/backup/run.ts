// One backup run: cut → collect → selection and items → archive → store, then the sibling artifacts and, last, the commit marker.
// It composes the rooms and knows nothing of controllers, commands or the Backup custom resource's life in a cluster; whoever calls it stores the result.
import { timestamp } from '#api/timestamp.ts'
import { tmpdir } from 'node:os'
import type { Backup, BackupStatus } from '#api/backup.ts'
import { encodeBackupMetadata } from '#archive/backup-metadata.ts'
import { encodeItemOperations } from '#archive/item-operations.ts'
import { encodeJsonGz } from '#archive/json-gz.ts'
import { createManifest, type ManifestWriter } from '#archive/manifest.ts'
import { packArchive } from '#archive/pack.ts'
import { encodeResourceList } from '#archive/resource-list.ts'
import { encodeResults } from '#archive/results.ts'
import type { LogLine } from '#archive/log-line.ts'
import { openRunLog, type StoredRunLog } from '#archive/run-log.ts'
import { encodeVolumeInfo } from '#archive/volume-info.ts'
import { type HookCounts, hookStatus } from '#hooks/hook-counts.ts'
import type { Collection } from '#collect/collect.ts'
import type { Cut } from '#collect/cut.ts'
import type { KubeClient } from '#kube/client.ts'
import type { PluginModule } from '#plugins/open.ts'
import type { BackupScope } from '#selection/backup-scope.ts'
import type { ResourcePolicies } from '#selection/resource-policies.ts'
import type { ObjectStore } from '#store/store.ts'
import { clearLeftovers, openArtifacts, type Artifacts } from './artifacts.ts'
import { openContents, type Contents } from './contents.ts'
import { openUncovered } from './uncovered.ts'
import { BackupError, backupError } from './error.ts'
import { logAfter } from './findings.ts'
import { openItemActions, type ItemActions } from './item-actions.ts'
import { operationStatus, type OperationStanding } from './operations.ts'
import type { OperationCounts } from '#plugins/operations.ts'
import { openPodGroups, type PodGroups } from './pod-groups.ts'
import { progressMeter, type BackupProgress, type ProgressMeter } from './progress.ts'
import { openBackupCollection } from './opening.ts'

export interface BackupRun {
  /** Defaulted (`defaultBackup`) and validated. `metadata.uid` may be absent (no installation). */
  backup: Backup
  kube: KubeClient
  store: ObjectStore
  now: () => Date
  /** Every served version of each type, each in its folder: Velero's feature EnableAPIGroupVersions. */
  everyVersion?: boolean | undefined
  /** Objects per list call; 0 for all in one, default what has proved best. */
  pageSize?: number | undefined
  /** Program and version for the manifest, such as `lifeboat/0.1.0`; default `lifeboat`. */
  createdBy?: string | undefined
  /** From `readPolicies`. */
  policies?: ResourcePolicies | undefined
  /** Their actions are run on the items, in order. */
  plugins?: readonly PluginModule[] | undefined
  /** Milliseconds between two questions about the operations of plug-ins; default ten seconds. */
  operationPollMillis?: number | undefined
  /** Where log and manifest are spooled while the run lasts; default the system's folder for temporary files. */
  spoolDir?: string | undefined
  signal?: AbortSignal | undefined
  /** At most five calls a second, and one at each change of phase. */
  onProgress?: ((progress: BackupProgress) => void) | undefined
  /** Told, and waited for, as the backup waits for operations of plug-ins; never when there are none. */
  onOperations?: ((standing: OperationStanding) => Promise<void> | void) | undefined
  /** Gets every line of the run's log as it is written. */
  onLog?: ((line: LogLine) => void) | undefined
}

/**
 * Makes the backup and writes all artifacts under `backups/<name>/`, `velero-backup.json` last. Resolves to the Backup as
 * stored: final phase (Completed or PartiallyFailed), counters, times. Rejects with `BackupError`; then nothing of this run is left in the store.
 */
export async function runBackup(run: BackupRun): Promise<Backup> {
  const { store, signal } = run
  const { name } = run.backup.metadata
  try {
    const cleared = await clearLeftovers(store, name)
    const artifacts = openArtifacts(store, name, signal)
    await using log = await openLog(run)
    if (cleared > 0) log.info('Deleted what an interrupted run had left in the store', { objects: cleared })
    try {
      return await makeBackup(run, artifacts, log)
    } catch (error) {
      throw await afterDiscarding(artifacts, backupError(error, name, signal))
    }
  } catch (error) {
    throw backupError(error, name, signal)
  }
}

async function makeBackup(run: BackupRun, artifacts: Artifacts, log: StoredRunLog): Promise<Backup> {
  const started = run.now()
  const meter = progressMeter(run.onProgress, run.now)
  meter.tell({})
  const { cut, scope, collection } = await openBackupCollection(run, log)
  meter.tell({ phase: 'collecting', totalItems: collection.expected, resourceVersion: cut.resourceVersion })
  await using manifest = await createManifest(
    { backup: run.backup.metadata.name, createdBy: run.createdBy ?? 'lifeboat' },
    { spoolDir: spoolDir(run) },
  )
  const uncovered = openUncovered(run.backup.spec)
  const contents = openContents((item, count) => {
    uncovered.see(item)
    meter.update({ itemsBackedUp: count, totalItems: Math.max(count, collection.expected) })
  })
  await using groups = openPodGroups({ ...run, log })
  await using actions = openActions(run, { cut, scope, collection, groups, contents, log, meter })
  const withdrawn = await putArchive(run, { artifacts, actions, contents, manifest, meter })
  logAfter(log, collection, actions.missing)
  uncovered.report(log)
  meter.tell({ phase: 'finishing', totalItems: contents.count })
  log.info('Archived all objects', { objects: contents.count, namespaces: scope.namespaces.length })
  await putSiblings(artifacts, { log, contents, actions })
  const { resourceVersion } = collection
  const types = contents.types(collection.readings, resourceVersion)
  const { frozen, counts: hooks } = groups
  const end = { cut: { resourceVersion, types }, frozen, artifacts: [...artifacts.written], withdrawn }
  await artifacts.put('manifest', await manifest.finish(end))
  const counts = { ...log.counts(), hooks, operations: actions.operations.counts }
  const backup = finished(run, { started, items: contents.count, ...counts })
  await artifacts.assertWhole()
  await artifacts.put('metadata', encodeBackupMetadata(backup))
  meter.tell({})
  return backup
}

function openActions(
  run: BackupRun,
  parts: {
    cut: Cut
    scope: BackupScope
    collection: Collection
    groups: PodGroups
    contents: Contents
    log: StoredRunLog
    meter: ProgressMeter
  },
): ItemActions {
  const { meter, groups, ...rest } = parts
  const items = groups.items(parts.collection)
  const { backup, kube, now, signal, plugins = [], operationPollMillis: pollMillis, onOperations } = run
  const onStanding = async (standing: OperationStanding): Promise<void> => {
    const waiting = standing.phase.startsWith('Waiting')
    meter.tell({ phase: waiting ? 'waiting' : 'collecting', operations: standing })
    await onOperations?.(standing)
  }
  return openItemActions({ ...rest, items, backup, kube, now, signal, plugins, pollMillis, onStanding })
}

interface ArchiveParts {
  artifacts: Artifacts
  actions: ItemActions
  contents: Contents
  manifest: ManifestWriter
  meter: ProgressMeter
}

/** From the API server straight into the store. Gives the paths that were taken back, undefined if none were. */
async function putArchive(run: BackupRun, parts: ArchiveParts): Promise<string[] | undefined> {
  const { artifacts, actions, contents, manifest, meter } = parts
  let failure: unknown
  const items = contents.pass(actions.items(), { clean: (item) => actions.clean(item), signal: run.signal })
  let withdrawn: string[] | undefined
  const bytes = packArchive(items, {
    mtime: run.now(),
    onEntry: (entry) => manifest.add(entry),
    withdrawn: () => contents.withdraw(actions.gone),
    onWithdrawn: (paths) => (withdrawn = paths),
  })
  try {
    // Stores may wrap an error that comes out of the bytes they are given; this one is the cause.
    await artifacts.put(
      'contents',
      keepingFailure(counted(bytes, meter), (error) => (failure = error)),
    )
  } catch (error) {
    throw failure ?? error
  }
  return withdrawn
}

async function putSiblings(
  artifacts: Artifacts,
  { log, contents, actions }: { log: StoredRunLog; contents: Contents; actions: ItemActions },
): Promise<void> {
  // Velero writes null where it never made a list.
  await artifacts.put('pod-volume-backups', await encodeJsonGz(null))
  await artifacts.put('volume-snapshots', await encodeJsonGz(null))
  await artifacts.put('item-operations', await encodeItemOperations(actions.operations.records()))
  await artifacts.put('volume-info', await encodeVolumeInfo([]))
  await artifacts.put('resource-list', await encodeResourceList(contents.list.list()))
  await artifacts.put('results', await encodeResults(log.results()))
  await artifacts.put('logs', await log.close())
}

function finished(
  { backup, now }: BackupRun,
  end: {
    started: Date
    items: number
    warnings: number
    errors: number
    hooks: HookCounts
    operations: OperationCounts
  },
): Backup {
  const { started, items, warnings, errors, hooks, operations } = end
  const status: BackupStatus = {
    ...backup.status,
    phase: errors > 0 ? 'PartiallyFailed' : 'Completed',
    startTimestamp: backup.status?.startTimestamp ?? timestamp(started),
    completionTimestamp: timestamp(now()),
    progress: { totalItems: items, itemsBackedUp: items },
    // Velero writes it for every backup, also where there was nothing to count.
    hookStatus: hookStatus(hooks),
    ...(warnings > 0 ? { warnings } : {}),
    ...(errors > 0 ? { errors } : {}),
    ...operationStatus(operations),
  }
  return { ...backup, status }
}

async function openLog(run: BackupRun): Promise<StoredRunLog> {
  const { name, namespace } = run.backup.metadata
  const fields = { backup: namespace === undefined ? name : `${namespace}/${name}` }
  return await openRunLog({ run: fields, spoolDir: spoolDir(run), now: run.now, echo: run.onLog })
}

function spoolDir(run: BackupRun): string {
  return run.spoolDir ?? tmpdir()
}

async function* counted(bytes: AsyncIterable<Uint8Array>, meter: ProgressMeter): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    yield chunk
    meter.update({ bytes: meter.now.bytes + chunk.length })
  }
}

async function* keepingFailure<T>(values: AsyncIterable<T>, keep: (error: unknown) => void): AsyncGenerator<T> {
  try {
    yield* values
  } catch (error) {
    keep(error)
    throw error
  }
}

/** The error, with the keys in its message that had to stay in the store. */
async function afterDiscarding(artifacts: Artifacts, error: unknown): Promise<unknown> {
  const left = await artifacts.discard()
  if (left.length === 0 || !(error instanceof BackupError)) return error
  const message = `${error.message}; these objects could not be deleted again: ${left.join(', ')}`
  return new BackupError(error.problem, message, { cause: error })
}
