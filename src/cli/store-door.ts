import type { Backup } from '#api/backup.ts'
import { PodVolumeBackups, type PodVolumeBackup } from '#api/pod-volume-backup.ts'
import { readObject } from '#api/read.ts'
import type { Restore } from '#api/restore.ts'
import { decodeListGz } from '#archive/json-gz.ts'
import { deleteBackupFiles, deleteBackupSnapshots, type FileWriter } from '#backup/delete.ts'
import { missingNamespaces } from '#backup/missing-namespaces.ts'
import { previewBackup } from '#backup/preview.ts'
import type { BackupProgress } from '#backup/progress.ts'
import { runBackup } from '#backup/run.ts'
import { storedBackup } from '#backup/stored.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeConfigError } from '#kube/cluster-config.ts'
import { KubeError } from '#kube/error.ts'
import type { PluginModule } from '#plugins/open.ts'
import { restoreIsStored, storedRestore } from '#restore/artifacts.ts'
import { openBackup } from '#restore/backup-source.ts'
import { previewRestore } from '#restore/preview.ts'
import { exactNamespaces, safetyBackup, safetyProblem } from '#restore/safety-backup.ts'
import { runRestore } from '#restore/run.ts'
import type { RestoreSettings } from '#restore/settings.ts'
import { matchesSelector, parseSelector } from '#selection/label-selector.ts'
import { deletePrefix } from '#store/delete-prefix.ts'
import { findObject } from '#store/find.ts'
import { backupKey, backupsPrefix, isRunName, restoreKey, restorePrefix, restoresPrefix } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import type { OpenSnapshotter } from '#volumes/snapshotter.ts'
import { acceptBackup } from './accept-backup.ts'
import { acceptRestore } from './accept-restore.ts'
import { UserError } from './exit.ts'
import type { Door, Following, OpenBackup, OpenPreview, OpenRestorePreview } from './door.ts'
import type { Standing } from './progress-line.ts'
import { counted } from './units.ts'

export interface StoreDoorOptions {
  readonly store: ObjectStore
  /** Written into the objects' metadata, for servers that will find them later. */
  readonly namespace: string
  readonly now: () => Date
  /** The feature EnableAPIGroupVersions. */
  readonly everyVersion?: boolean | undefined
  /** The store as it was named on the command line; undefined when the environment names it. */
  readonly named?: string | undefined
  /** Noted in the manifest: `lifeboat/0.1.0`. */
  readonly createdBy: string
  /** Loads the plug-ins of this process, if it may have any; called only by what runs them. Rejects with PluginError. */
  readonly plugins?: (signal: AbortSignal) => Promise<readonly PluginModule[]>
  /** For restores that this process does. */
  readonly restoreSettings?: RestoreSettings | undefined
  /** Opens the snapshot locations of an installation in that cluster, should there be one. */
  readonly snapshotters: (kube: KubeClient) => OpenSnapshotter
  /** Tells the user what is beside the point. */
  readonly note?: ((text: string) => void) | undefined
  /** Connects to the cluster; called only by what needs one. */
  readonly cluster: () => Promise<KubeClient>
}

/** The door to a store without any installation: this process does the work. */
export function storeDoor(options: StoreDoorOptions): Door {
  const { store } = options
  return {
    place: `store ${store.url}`,
    flags: options.named === undefined ? '' : `--store ${options.named} `,
    backups: (labels) => allRuns(store, { folder: backupsPrefix, labels, read: readBackup }),
    backup: (name) => readBackup(store, name),
    createBackup: (backup, following) => createBackup(backup, following, options),
    schedule: () =>
      Promise.reject(new UserError('schedules are objects of a cluster: leave out --store to use --from-schedule')),
    previewBackup: (backup, { signal }) => preview(backup, signal, options),
    deleteBackup: (backup) => deleteBackup(backup, options),
    cancelBackup: refuseToCancel,
    podVolumeBackups: (backup) => storedCopies(store, backup),
    deletionRequests: () => Promise.resolve([]),
    backupArtifact: (name, artifact) => findObject(store, backupKey(name, artifact)),
    openBackup: (backup, { signal }) => openBeside(backup.metadata.name, signal, options),
    restores: (labels) => allRuns(store, { folder: restoresPrefix, labels, read: readRestore }),
    restore: (name) => readRestore(store, name),
    createRestore: (restore, following) => createRestore(restore, following, options),
    previewRestore: (restore, { signal }) => rehearse(restore, signal, options),
    deleteRestore: (restore) => deleteRestore(store, restore),
    cancelRestore: refuseToCancel,
    restoreArtifact: (name, artifact) => findObject(store, restoreKey(name, artifact)),
    [Symbol.asyncDispose]: () => store.close(),
  }
}

interface Listing<T> {
  readonly folder: string
  readonly labels: string | undefined
  readonly read: (store: ObjectStore, name: string) => Promise<T | undefined>
}

/** A store may hold thousands of backups, each with a record to read. */
const READS_AT_ONCE = 32

/** Folders without their record are no backups: a crashed run left them, or somebody else did. */
async function allRuns<T extends Backup | Restore>(store: ObjectStore, listing: Listing<T>): Promise<T[]> {
  const names = await Array.fromAsync(store.folders(listing.folder))
  const found: T[] = []
  for (let start = 0; start < names.length; start += READS_AT_ONCE) {
    const runs = await Promise.all(names.slice(start, start + READS_AT_ONCE).map((name) => listing.read(store, name)))
    found.push(...runs.filter((run) => run !== undefined))
  }
  if (listing.labels === undefined) return found
  const selector = parseSelector(listing.labels)
  return found.filter((run) => matchesSelector(selector, run.metadata.labels ?? {}))
}

async function storedCopies(store: ObjectStore, { metadata: { name } }: Backup): Promise<PodVolumeBackup[]> {
  const bytes = await findObject(store, backupKey(name, 'pod-volume-backups'))
  if (bytes === undefined) return []
  const copies = await decodeListGz(bytes, { name: 'the list of pod volume backups' })
  return copies.map((copy) => readObject(PodVolumeBackups, copy))
}

async function readBackup(store: ObjectStore, name: string): Promise<Backup | undefined> {
  return isRunName(name) ? await storedBackup(store, name) : undefined
}

async function readRestore(store: ObjectStore, name: string): Promise<Restore | undefined> {
  return isRunName(name) ? await storedRestore(store, name) : undefined
}

async function preview(asked: Backup, signal: AbortSignal, options: StoreDoorOptions): Promise<OpenPreview> {
  const { cluster, now, everyVersion } = options
  const plugins = await options.plugins?.(signal)
  const kube = await cluster()
  try {
    const accepted = await acceptBackup(asked, { kube, now, signal, besides: options.namespace })
    const previewed = await previewBackup({ ...accepted, kube, plugins, everyVersion, signal })
    return { ...previewed, [Symbol.asyncDispose]: () => kube.close() }
  } catch (error) {
    await kube.close()
    throw error
  }
}

async function createBackup(asked: Backup, following: Following, options: StoreDoorOptions): Promise<Backup> {
  const { store, now } = options
  const plugins = await options.plugins?.(following.signal)
  await store.check({ write: true })
  const kube = await options.cluster()
  try {
    const { backup, policies, version } = await acceptBackup(asked, {
      kube,
      now,
      signal: following.signal,
      besides: options.namespace,
    })
    return await runBackup({
      backup,
      kube,
      store,
      now,
      version,
      createdBy: options.createdBy,
      everyVersion: options.everyVersion,
      policies,
      snapshotters: options.snapshotters(kube),
      plugins,
      signal: following.signal,
      onLeftBehind: (problems) => problems.forEach((problem) => options.note?.(`Left in the cluster: ${problem}`)),
      onProgress: (progress) => following.onStanding(backupStanding(progress)),
    })
  } finally {
    await kube.close()
  }
}

function backupStanding({ phase, itemsBackedUp, totalItems, bytes, operations }: BackupProgress): Standing {
  if (phase === 'waiting' && operations !== undefined) {
    const { attempted, completed, failed } = operations
    return { doing: 'Waiting for snapshots and plug-ins', done: completed + failed, total: attempted }
  }
  const doing = phase === 'finishing' ? 'Finishing' : 'Backing up'
  return { doing, done: itemsBackedUp, total: totalItems, bytes }
}

async function createRestore(asked: Restore, following: Following, options: StoreDoorOptions): Promise<Restore> {
  const { store, now } = options
  const { signal } = following
  const plugins = await options.plugins?.(signal)
  const backups = await candidates(store, asked)
  const kube = await options.cluster()
  try {
    const accepted = await acceptRestore(asked, { kube, backups, signal })
    await backUpBefore(accepted.restore, { kube, following, options })
    return await runRestore({
      ...accepted,
      kube,
      store,
      snapshotters: options.snapshotters(kube),
      now,
      plugins,
      settings: options.restoreSettings,
      signal,
      onProgress: ({ step, itemsRestored, totalItems }) =>
        following.onStanding({
          doing: standingWords[step],
          done: itemsRestored,
          total: step === 'opening' ? undefined : totalItems,
        }),
    })
  } finally {
    await kube.close()
  }
}

/** Makes the safety backup that the restore wants; UserError when it does not come to its end without errors. */
async function backUpBefore(
  restore: Restore,
  { kube, following, options }: { kube: KubeClient; following: Following; options: StoreDoorOptions },
): Promise<void> {
  const { signal } = following
  const missing = await missingNamespaces(kube, { includedNamespaces: exactNamespaces(restore) }, { signal })
  const existing = new Set(exactNamespaces(restore).filter((name) => !missing.includes(name)))
  const asked = safetyBackup(restore, { existing, location: undefined })
  if (asked === undefined) return
  const made = await createBackup(asked, following, options)
  if (made.status?.phase !== 'Completed') throw new UserError(safetyProblem(made))
}

async function rehearse(asked: Restore, signal: AbortSignal, options: StoreDoorOptions): Promise<OpenRestorePreview> {
  const { store } = options
  await using stack = new AsyncDisposableStack()
  const plugins = await options.plugins?.(signal)
  const backups = await candidates(store, asked)
  const taken = (await restoreIsStored(store, asked.metadata.name)) ? store.url : undefined
  const kube = await options.cluster()
  stack.defer(() => kube.close())
  const { restore } = await acceptRestore(asked, { kube, backups, taken, signal })
  const source = stack.use(await openBackup(restore.spec.backupName ?? '', { store, signal }))
  const previewed = await previewRestore({ restore, source, kube, plugins, settings: options.restoreSettings, signal })
  const opened = stack.move()
  return { ...previewed, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

async function openBeside(
  name: string,
  signal: AbortSignal,
  { store, cluster }: StoreDoorOptions,
): Promise<OpenBackup> {
  await using stack = new AsyncDisposableStack()
  const source = stack.use(await openBackup(name, { store, signal }))
  const kube = await cluster()
  stack.defer(() => kube.close())
  const opened = stack.move()
  return { source, kube, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

/** The backups a restore can choose from. */
async function candidates(store: ObjectStore, { spec }: Restore): Promise<Backup[]> {
  if (spec.backupName === undefined)
    return await allRuns(store, { folder: backupsPrefix, labels: undefined, read: readBackup })
  const named = await readBackup(store, spec.backupName)
  return named === undefined ? [] : [named]
}

const standingWords = {
  opening: 'Reading the backup',
  restoring: 'Restoring',
  waiting: 'Waiting for operations of plug-ins',
  finishing: 'Finishing',
} as const

async function refuseToCancel(): Promise<never> {
  throw new UserError('no server works on this store: Ctrl-C ends the command that does')
}

async function deleteBackup(backup: Backup, options: StoreDoorOptions): Promise<string> {
  const { name } = backup.metadata
  const { store, now } = options
  const writer = { now: now() }
  const snapshots = await deleteSnapshots(backup, writer, options)
  await deleteBackupFiles(store, backup, writer)
  const restores = await allRuns(store, { folder: restoresPrefix, labels: undefined, read: readRestore })
  const behind = restores.filter((restore) => restore.spec.backupName === name)
  for (const restore of behind) await deletePrefix(store, restorePrefix(restore.metadata.name))
  const records = behind.length === 0 ? '' : `, with ${counted(behind.length, 'restore')} made from it`
  return [`Backup ${name} deleted${records}.`, ...snapshots].join('\n')
}

/** In the cluster's storage; what has to be said about them. */
async function deleteSnapshots(backup: Backup, writer: FileWriter, options: StoreDoorOptions): Promise<string[]> {
  let kube: KubeClient | undefined
  try {
    const cluster = async (): Promise<KubeClient> => (kube ??= await options.cluster())
    const snapshotters: OpenSnapshotter = async (name) => await options.snapshotters(await cluster())(name)
    const ends = await deleteBackupSnapshots(options.store, backup, { cluster, snapshotters, writer })
    const { deleted, problems, unreachable } = ends
    if (problems.length > 0) {
      throw new UserError(
        `backup ${backup.metadata.name} stays, so that it can be deleted later: ${problems.join('; ')}`,
      )
    }
    return [...(deleted > 0 ? [`${counted(deleted, 'snapshot')} deleted from the storage.`] : []), ...unreachable]
  } catch (error) {
    if (!(error instanceof KubeError) && !(error instanceof KubeConfigError)) throw error
    throw new UserError(
      `backup ${backup.metadata.name} has snapshots, which only a cluster with their CSI driver can delete: ${error.message}; name one with --kubeconfig or --kubecontext`,
    )
  } finally {
    await kube?.close()
  }
}

async function deleteRestore(store: ObjectStore, { metadata: { name } }: Restore): Promise<string> {
  await deletePrefix(store, restorePrefix(name))
  return `Restore ${name} deleted.`
}
