// One backup run: cut → collect → selection and items → archive → store, then the sibling artifacts and, last, the commit marker.
// It composes the rooms and knows nothing of controllers, commands or the Backup custom resource's life in a cluster; whoever calls it stores the result.
import { timestamp } from '#api/timestamp.ts'
import { tmpdir } from 'node:os'
import type { Backup } from '#api/backup.ts'
import { encodeBackupMetadata } from '#archive/backup-metadata.ts'
import { encodeItemOperations } from '#archive/item-operations.ts'
import { encodeJsonGz } from '#archive/json-gz.ts'
import { createManifest } from '#archive/manifest.ts'
import { encodeResourceList } from '#archive/resource-list.ts'
import { encodeResults } from '#archive/results.ts'
import type { LogLine } from '#archive/log-line.ts'
import { openRunLog, type StoredRunLog } from '#archive/run-log.ts'
import { encodeVolumeInfo } from '#archive/volume-info.ts'
import { backupHooks } from '#hooks/backup-hooks.ts'
import { encodeVolumeSnapshots } from '#archive/volume-snapshots.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import type { PluginModule } from '#plugins/open.ts'
import type { ResourcePolicies } from '#selection/resource-policies.ts'
import type { ObjectStore } from '#store/store.ts'
import type { OpenSnapshotter } from '#volumes/snapshotter.ts'
import { openArtifacts, type Artifacts } from './artifacts.ts'
import { claimName, dropClaim } from './claim.ts'
import { openContents, type Contents } from './contents.ts'
import { openUncovered } from './uncovered.ts'
import { BackupError, backupError } from './error.ts'
import { logAfter } from './findings.ts'
import { finishedBackup } from './finished-backup.ts'
import { openItemActions, type ItemActions } from './item-actions.ts'
import type { OperationStanding } from './operations.ts'
import { openPodGroups, type PodGroups } from './pod-groups.ts'
import { putArchive } from './put-archive.ts'
import { progressMeter, type BackupProgress, type ProgressMeter } from './progress.ts'
import { beginOpening, type Opening } from './opening.ts'
import { openNativeSnapshots, type NativeSnapshots } from './native-snapshots.ts'
import { identityOf } from './snapshot-items.ts'
import { Pods } from '#kube/core-types.ts'
import { openBackupVolumes, type BackupVolumes } from './volumes.ts'

export interface BackupRun {
  /** Defaulted (`defaultBackup`) and validated. `metadata.uid` may be absent (no installation). */
  backup: Backup
  kube: KubeClient
  store: ObjectStore
  now: () => Date
  /** Every served version of each type, each in its folder: Velero's feature EnableAPIGroupVersions. */
  everyVersion?: boolean | undefined
  /** A resourceVersion of the cluster of a moment ago: the cut is there. Without it the newest is asked for. */
  version?: string | undefined
  /** Objects per list call; 0 for all in one, default what has proved best. */
  pageSize?: number | undefined
  /** Program and version for the manifest, such as `lifeboat/0.1.0`; default `lifeboat`. */
  createdBy?: string | undefined
  /** From `readPolicies`. */
  policies?: ResourcePolicies | undefined
  /** Of the server that makes the backup: what its last run left under this name is no other's. Undefined for a process on its own. */
  installation?: string | undefined
  /** Opens the locations in `spec.volumeSnapshotLocations`; absent where there can be none. */
  snapshotters?: OpenSnapshotter | undefined
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
  /** True when an earlier run of this very backup (same `metadata.uid`) was cut off: its snapshots are taken over. */
  resumes?: boolean | undefined
  /** Asked when the run was aborted: whether another process will take it up. Then its snapshots stay in the cluster, unless applications stood still for some that are not taken. */
  isTakenUp?: (() => boolean) | undefined
  /** Told what a run could not clear away, a sentence for each. */
  onLeftBehind?: ((problems: readonly string[]) => void) | undefined
  /** Gets every line of the run's log as it is written. */
  onLog?: ((line: LogLine) => void) | undefined
}

/**
 * Makes the backup and writes all artifacts under `backups/<name>/`, `velero-backup.json` last. Resolves to the Backup as
 * stored: final phase (Completed or PartiallyFailed), counters, times. Rejects with `BackupError`; then nothing of this run is left in the store.
 */
export async function runBackup(run: BackupRun): Promise<Backup> {
  const { backup, clear } = await runUntilWhole(run)
  await clear?.()
  return backup
}

/** A backup that is whole. */
export interface WholeBackup {
  readonly backup: Backup
  readonly archiveBytes: number
  /**
   * To be called: VolumeSnapshots and contents leave the cluster. The data are safe already, and what this does not come to is known by `releaseSnapshotsOf`.
   * Never rejects. Undefined when there is nothing to do.
   */
  readonly clear: (() => Promise<void>) | undefined
}

/** As `runBackup`, for who wants to tell that the backup is whole before its snapshots have left the cluster. */
export async function runUntilWhole(run: BackupRun): Promise<WholeBackup> {
  const { store, signal, installation } = run
  const { name, uid } = run.backup.metadata
  try {
    const started = run.now()
    await using log = await openLog(run)
    // The cluster is read meanwhile.
    await using opening = beginOpening(run, log)
    const held = await claimName(store, name, { installation, uid, now: run.now() })
    let isWhole = false
    // Beside a marker it is nobody else's.
    await using _claim = { [Symbol.asyncDispose]: () => (isWhole ? dropClaim(store, name) : held.release()) }
    const artifacts = openArtifacts(store, name, { held, signal })
    if (held.cleared > 0) log.info('Deleted what an interrupted run had left in the store', { objects: held.cleared })
    try {
      const whole = await makeArtifacts(run, { artifacts, log, started, opened: opening.opened })
      isWhole = true
      return whole
    } catch (error) {
      throw await afterDiscarding(artifacts, backupError(error, name, signal))
    }
  } catch (error) {
    throw backupError(error, name, signal)
  }
}

async function makeArtifacts(
  run: BackupRun,
  { artifacts, log, started, opened }: Pick<Making, 'artifacts' | 'log' | 'started'> & { opened: Promise<Opening> },
): Promise<WholeBackup> {
  const meter = progressMeter(run.onProgress, run.now)
  meter.tell({})
  const opening = await opened
  const { cut, collection } = opening
  meter.tell({ phase: 'collecting', totalItems: collection.expected, resourceVersion: cut.resourceVersion })
  await using natives = openNativeSnapshots({ ...run, open: run.snapshotters })
  await using volumes = openVolumes(run, { ...opening, log, started, natives })
  try {
    const backup = await storeBackup(run, { ...opening, artifacts, log, started, meter, volumes, natives })
    natives.keep()
    const { bytes: archiveBytes } = meter.now
    const clear = (): Promise<void> => clearAway(run, () => volumes.release())
    if (volumes.releases === 'at-leisure') return { backup, archiveBytes, clear }
    if (volumes.releases === 'at-once') await clear()
    return { backup, archiveBytes, clear: undefined }
  } catch (error) {
    // What was asked for while applications stood still, and is not taken yet, would show them as they go on.
    const isLeft = run.signal?.aborted === true && run.isTakenUp?.() === true && !volumes.isTaking
    if (!isLeft) await clearAway(run, () => volumes.discard())
    throw error
  }
}

/** The backup is what it is by then: what stays behind is only told. */
async function clearAway({ onLeftBehind }: BackupRun, clear: () => Promise<string[]>): Promise<void> {
  const problems = await clear().catch((error: unknown) => [
    `snapshots cannot be cleared away: ${(error as Error).message}`,
  ])
  if (problems.length > 0) onLeftBehind?.(problems)
}

interface Making extends Opening {
  artifacts: Artifacts
  log: StoredRunLog
  started: Date
  meter: ProgressMeter
  volumes: BackupVolumes
  natives: NativeSnapshots
}

async function storeBackup(run: BackupRun, making: Making): Promise<Backup> {
  const { collection, artifacts, log, started, meter, volumes, natives } = making
  await using manifest = await createManifest(
    { backup: run.backup.metadata.name, createdBy: run.createdBy ?? 'lifeboat' },
    { spoolDir: spoolDir(run) },
  )
  const uncovered = openUncovered()
  const contents = openContents((item, count) => {
    uncovered.see(item)
    meter.update({ itemsBackedUp: count, totalItems: Math.max(count, collection.expected) })
  })
  await using groups = openPodGroups({ ...run, log, take: (claims) => volumes.take(claims) })
  await using actions = openActions(run, { ...making, groups, contents })
  const withdrawn = await putArchive({ ...making, actions, contents, manifest }, run)
  logAfter(log, collection, actions.missing)
  uncovered.report(log)
  meter.tell({ phase: 'finishing', totalItems: contents.count })
  log.info('Archived all objects', { objects: contents.count, namespaces: making.scope.namespaces.length })
  await putSiblings(artifacts, { log, contents, actions, volumes, natives })
  const { resourceVersion } = collection
  const types = contents.types(collection.readings, resourceVersion)
  const { frozen, counts: hooks } = groups
  const { times: snapshots } = volumes
  const end = { cut: { resourceVersion, types }, frozen, snapshots, artifacts: [...artifacts.written], withdrawn }
  await artifacts.put('manifest', await manifest.finish(end))
  const counts = {
    ...log.counts(),
    hooks,
    operations: actions.operations.counts,
    snapshots: volumes.counts,
    natives: natives.records(),
  }
  const backup = finishedBackup(run.backup, { started, ended: run.now(), items: contents.count, ...counts })
  await artifacts.assertWhole()
  await artifacts.put('metadata', encodeBackupMetadata(backup))
  meter.tell({})
  return backup
}

function openVolumes(
  run: BackupRun,
  parts: Opening & { log: StoredRunLog; started: Date; natives: NativeSnapshots },
): BackupVolumes {
  const { backup, kube, now, signal, policies, resumes, store } = run
  const { started, ...rest } = parts
  const identity = identityOf(backup, { store: store.url, started: timestamp(started) })
  return openBackupVolumes({
    ...rest,
    backup,
    kube,
    now,
    signal,
    resumes,
    identity,
    policies: policies?.volumePolicies ?? [],
    leftToHooks: hookedPods(backup),
  })
}

/** Whether any of these pods has hooks, which then say when the snapshots of its claims are taken. */
function hookedPods({ spec }: Backup): (pods: readonly KubeObject[]) => boolean {
  const hooks = backupHooks(spec)
  return (pods) =>
    pods.some((object) =>
      hooks.of({ type: Pods, namespace: object.metadata.namespace, name: object.metadata.name, object }),
    )
}

function openActions(run: BackupRun, parts: Making & { groups: PodGroups; contents: Contents }): ItemActions {
  const { cut, scope, collection, groups, contents, log, meter, volumes } = parts
  const items = groups.items(collection)
  const { backup, kube, now, signal, plugins = [], operationPollMillis: pollMillis, onOperations } = run
  const onStanding = async (standing: OperationStanding): Promise<void> => {
    const waiting = standing.phase.startsWith('Waiting')
    meter.tell({ phase: waiting ? 'waiting' : 'collecting', operations: standing })
    await onOperations?.(standing)
  }
  const own = volumes.operations
  const options = { cut, scope, collection, items, contents, log, backup, own, kube, now, signal, plugins, pollMillis }
  return openItemActions({ ...options, onStanding })
}

async function putSiblings(
  artifacts: Artifacts,
  {
    log,
    contents,
    actions,
    volumes,
    natives,
  }: Pick<Making, 'log' | 'volumes' | 'natives'> & { contents: Contents; actions: ItemActions },
): Promise<void> {
  await artifacts.putAll({
    // Velero writes null where it never made a list.
    'pod-volume-backups': await encodeJsonGz(null),
    'volume-snapshots': await encodeVolumeSnapshots(natives.records()),
    'item-operations': await encodeItemOperations(actions.operations.records()),
    'volume-info': await encodeVolumeInfo(volumes.infos()),
    'resource-list': encodeResourceList(contents.list),
    results: await encodeResults(log.results()),
    logs: await log.close(),
  })
}

async function openLog(run: BackupRun): Promise<StoredRunLog> {
  const { name, namespace } = run.backup.metadata
  const fields = { backup: namespace === undefined ? name : `${namespace}/${name}` }
  return await openRunLog({ run: fields, spoolDir: spoolDir(run), now: run.now, echo: run.onLog })
}

function spoolDir(run: BackupRun): string {
  return run.spoolDir ?? tmpdir()
}

/** The error, with the keys in its message that had to stay in the store. */
async function afterDiscarding(artifacts: Artifacts, error: unknown): Promise<unknown> {
  const left = await artifacts.discard()
  if (left.length === 0 || !(error instanceof BackupError)) return error
  const message = `${error.message}; these objects could not be deleted again: ${left.join(', ')}`
  return new BackupError(error.problem, message, { cause: error })
}
