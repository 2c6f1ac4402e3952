// One backup run: cut → collect → selection and items → archive → store, then the sibling artifacts and, last, the commit marker.
// It composes the rooms and knows nothing of controllers, commands or the Backup custom resource's life in a cluster; whoever calls it stores the result.
import { timestamp } from '#api/timestamp.ts'
import { tmpdir } from 'node:os'
import type { Backup, BackupSpec, BackupStatus } from '#api/backup.ts'
import { encodeBackupMetadata } from '#archive/backup-metadata.ts'
import { encodeJsonGz } from '#archive/json-gz.ts'
import { createManifest, type ManifestWriter } from '#archive/manifest.ts'
import { packArchive } from '#archive/pack.ts'
import { encodeResourceList } from '#archive/resource-list.ts'
import { encodeResults } from '#archive/results.ts'
import type { LogLine } from '#archive/log-line.ts'
import { openRunLog, type StoredRunLog } from '#archive/run-log.ts'
import { encodeVolumeInfo } from '#archive/volume-info.ts'
import { openCollection, type Collection } from '#collect/collect.ts'
import { readCut } from '#collect/cut.ts'
import type { KubeClient } from '#kube/client.ts'
import { compileBackupScope, type BackupScope } from '#selection/backup-scope.ts'
import type { ResourcePolicies } from '#selection/resource-policies.ts'
import type { ObjectStore } from '#store/store.ts'
import { clearLeftovers, openArtifacts, type Artifacts } from './artifacts.ts'
import { openContents, type Contents } from './contents.ts'
import { openUncovered } from './uncovered.ts'
import { BackupError, backupError } from './error.ts'
import { logAfter, logBefore } from './findings.ts'
import { progressMeter, type BackupProgress, type ProgressMeter } from './progress.ts'
import { readRelations } from './relations.ts'

export interface BackupRun {
  /** Defaulted (`defaultBackup`) and validated. `metadata.uid` may be absent (no installation). */
  backup: Backup
  kube: KubeClient
  store: ObjectStore
  now: () => Date
  /** Every served version of each type, each in its folder: Velero's feature EnableAPIGroupVersions. */
  everyVersion?: boolean | undefined
  /** Program and version for the manifest, such as `lifeboat/0.1.0`; default `lifeboat`. */
  createdBy?: string | undefined
  /** From `readPolicies`. */
  policies?: ResourcePolicies | undefined
  /** Where log and manifest are spooled while the run lasts; default the system's folder for temporary files. */
  spoolDir?: string | undefined
  signal?: AbortSignal | undefined
  /** At most five calls a second, and one at each change of phase. */
  onProgress?: ((progress: BackupProgress) => void) | undefined
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
  const { scope, collection } = await open(run, log, meter)
  await using manifest = await createManifest(
    { backup: run.backup.metadata.name, createdBy: run.createdBy ?? 'lifeboat' },
    { spoolDir: spoolDir(run) },
  )
  const uncovered = openUncovered(run.backup.spec)
  const contents = openContents((item, count) => {
    uncovered.see(item)
    meter.update({ itemsBackedUp: count, totalItems: Math.max(count, collection.expected) })
  })
  const withdrawn = await putArchive(run, { artifacts, collection, contents, manifest, meter })
  logAfter(log, collection)
  uncovered.report(log)
  meter.tell({ phase: 'finishing', totalItems: contents.count })
  log.info('Archived all objects', { objects: contents.count, namespaces: scope.namespaces.length })
  await putSiblings(artifacts, log, contents)
  const { resourceVersion } = collection
  const types = contents.types(collection.readings, resourceVersion)
  const end = { cut: { resourceVersion, types }, artifacts: [...artifacts.written], withdrawn }
  await artifacts.put('manifest', await manifest.finish(end))
  const backup = finished(run, { started, items: contents.count, ...log.counts() })
  await artifacts.assertWhole()
  await artifacts.put('metadata', encodeBackupMetadata(backup))
  meter.tell({})
  return backup
}

/** Reads what decides and begins every list, before anything is written. */
async function open(
  run: BackupRun,
  log: StoredRunLog,
  meter: ProgressMeter,
): Promise<{ scope: BackupScope; collection: Collection }> {
  const { kube, signal, backup } = run
  meter.tell({})
  const cut = await readCut(kube, { signal })
  const scope = compileBackupScope(backup.spec, cut, {
    policy: run.policies?.includeExclude,
    everyVersion: run.everyVersion,
  })
  logBefore(log, { cut, scope })
  const volumeGroupLabel = backup.spec.volumeGroupSnapshotLabelKey
  const { relations, failure } = await readRelations({ kube, cut, scope, signal, volumeGroupLabel })
  if (failure !== undefined) {
    log.error('Could not find the cluster roles of service accounts', { error: failure })
  }
  const order = orderOf(backup.spec.orderedResources)
  const collection = await openCollection({ kube, cut, scope, relations, order, signal })
  meter.tell({ phase: 'collecting', totalItems: collection.expected, resourceVersion: cut.resourceVersion })
  return { scope, collection }
}

interface ArchiveParts {
  artifacts: Artifacts
  collection: Collection
  contents: Contents
  manifest: ManifestWriter
  meter: ProgressMeter
}

/** From the API server straight into the store. Gives the paths that were taken back, undefined if none were. */
async function putArchive(run: BackupRun, parts: ArchiveParts): Promise<string[] | undefined> {
  const { artifacts, collection, contents, manifest, meter } = parts
  let failure: unknown
  // Stores may wrap an error that comes out of the bytes they are given; this one is the cause.
  const items = keepingFailure(
    contents.pass(collection.items, { backupName: run.backup.metadata.name, signal: run.signal }),
    (error) => (failure = error),
  )
  let withdrawn: string[] | undefined
  const bytes = packArchive(items, {
    mtime: run.now(),
    onEntry: (entry) => manifest.add(entry),
    withdrawn: () => contents.withdraw(collection.gone),
    onWithdrawn: (paths) => (withdrawn = paths),
  })
  try {
    await artifacts.put('contents', counted(bytes, meter))
  } catch (error) {
    throw failure ?? error
  }
  return withdrawn
}

/** The spec's order as `namespace/name` lists per plural (spec/backup §3.9). */
export function orderOf(ordered: BackupSpec['orderedResources']): ReadonlyMap<string, readonly string[]> {
  const entries = Object.entries(ordered ?? {})
  return new Map(entries.map(([plural, names]) => [plural, names.split(',').map((name) => name.trim())]))
}

async function putSiblings(artifacts: Artifacts, log: StoredRunLog, contents: Contents): Promise<void> {
  // Velero writes null where it never made a list.
  await artifacts.put('pod-volume-backups', await encodeJsonGz(null))
  await artifacts.put('volume-snapshots', await encodeJsonGz(null))
  await artifacts.put('item-operations', await encodeJsonGz([]))
  await artifacts.put('volume-info', await encodeVolumeInfo([]))
  await artifacts.put('resource-list', await encodeResourceList(contents.list.list()))
  await artifacts.put('results', await encodeResults(log.results()))
  await artifacts.put('logs', await log.close())
}

function finished(
  { backup, now }: BackupRun,
  end: { started: Date; items: number; warnings: number; errors: number },
): Backup {
  const { started, items, warnings, errors } = end
  const status: BackupStatus = {
    ...backup.status,
    phase: errors > 0 ? 'PartiallyFailed' : 'Completed',
    startTimestamp: backup.status?.startTimestamp ?? timestamp(started),
    completionTimestamp: timestamp(now()),
    progress: { totalItems: items, itemsBackedUp: items },
    ...(warnings > 0 ? { warnings } : {}),
    ...(errors > 0 ? { errors } : {}),
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
