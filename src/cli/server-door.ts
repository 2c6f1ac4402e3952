import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups, type Backup } from '#api/backup.ts'
import { deletionRequest } from '#backup/deletion-request.ts'
import { DeleteBackupRequests, type DeleteBackupRequest } from '#api/delete-backup-request.ts'
import { labelKeys, labelValue } from '#api/labels.ts'
import { previewBackup } from '#backup/preview.ts'
import { hasEnded } from '#api/phases.ts'
import { PodVolumeBackups, type PodVolumeBackup } from '#api/pod-volume-backup.ts'
import { Restores, type Restore } from '#api/restore.ts'
import { Schedules } from '#api/schedule.ts'
import { restoreWishes } from '#api/restore-wishes.ts'
import { type BackupSource, readBackup } from '#restore/backup-source.ts'
import { previewRestore } from '#restore/preview.ts'
import { VolumeSnapshotLocations } from '#api/volume-snapshot-location.ts'
import type { KubeClient, ListOptions } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { backupFilterProblems } from '#selection/validate.ts'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { acceptBackup, refuse } from './accept-backup.ts'
import { acceptRestore } from './accept-restore.ts'
import { apiServerWay, type ApiServerWay } from './api-server-way.ts'
import type { Door, Following, OpenPreview, OpenRestorePreview } from './door.ts'
import {
  backupTargets,
  certainManifest,
  download,
  downloadManifest,
  restoreTargets,
  type DownloadSettings,
} from './download.ts'
import { UserError } from './exit.ts'
import { requestCancel } from './server-cancel.ts'

export interface ServerDoorOptions {
  readonly namespace: string
  readonly signal: AbortSignal
  readonly now: () => Date
  /** The feature EnableAPIGroupVersions, for dry runs. */
  readonly everyVersion: boolean
  readonly download: DownloadSettings
}

interface Place extends ServerDoorOptions {
  readonly kube: KubeClient
  readonly throughApiServer: ApiServerWay
}

/** The door to a cluster in which Lifeboat's server, or Velero's, does the work: everything goes through custom resources. */
export function serverDoor(kube: KubeClient, options: ServerDoorOptions): Door {
  const place: Place = { kube, throughApiServer: apiServerWay(kube, options), ...options }
  return {
    place: `cluster ${kube.server} (namespace ${options.namespace})`,
    flags: '',
    backups: (labels) => allOf(place, Backups, labels),
    backup: (name) => installed(Backups, () => kube.find(Backups, name, options)),
    createBackup: (backup, following) =>
      refusable(place, backup).then(() =>
        create(place, { type: Backups, object: backup, following, standing: backupStanding }),
      ),
    schedule: (name) => installed(Schedules, () => kube.find(Schedules, name, options)),
    previewBackup: (backup, { signal }) => preview(place, backup, signal),
    deleteBackup: (backup) => requestDeletion(place, backup),
    cancelBackup: (object) => requestCancel(kube, Backups, { ...options, object }),
    backupArtifact: (name, artifact) =>
      artifact === 'manifest' ? downloadManifest(place, name) : download(place, backupTargets[artifact], name),
    openBackup: async (backup) => {
      const source = await openSource(place, backup, { exact: false })
      return { source, kube, [Symbol.asyncDispose]: () => source[Symbol.asyncDispose]() }
    },
    podVolumeBackups: (backup) => ofBackup(place, PodVolumeBackups, backup),
    deletionRequests: (backup) => ofBackup(place, DeleteBackupRequests, backup),
    restores: (labels) => allOf(place, Restores, labels),
    restore: (name) => installed(Restores, () => kube.find(Restores, name, options)),
    createRestore: (restore, following) =>
      create(place, { type: Restores, object: restore, following, standing: restoreStanding }),
    previewRestore: (restore) => rehearse(place, restore),
    deleteRestore: (restore) => deleteRestore(place, restore),
    cancelRestore: (object) => requestCancel(kube, Restores, { ...options, object }),
    restoreArtifact: (name, artifact) => download(place, restoreTargets[artifact], name),
    [Symbol.asyncDispose]: () => kube.close(),
  }
}

/** Says at once what the server would say later: filters that contradict each other, locations that are not there. */
async function refusable({ kube, namespace, signal }: Place, { metadata, spec }: Backup): Promise<void> {
  const named = [
    { type: BackupStorageLocations, names: spec.storageLocation ? [spec.storageLocation] : [] },
    { type: VolumeSnapshotLocations, names: spec.volumeSnapshotLocations ?? [] },
  ]
  const missing: string[] = []
  for (const { type, names } of named) {
    for (const name of names) {
      const location = await installed(type, () => kube.find<object>(type, name, { namespace, signal }))
      if (location === undefined) missing.push(`there is no ${type.kind} "${name}" in namespace ${namespace}`)
    }
  }
  refuse(Backups.kind, metadata.name, [...backupFilterProblems(spec), ...missing])
}

/** Reads the cluster itself: no server is asked, and none needs to run. */
async function preview(place: Place, asked: Backup, signal: AbortSignal): Promise<OpenPreview> {
  const { kube, namespace, now, everyVersion } = place
  const accepted = await installed(Backups, () => acceptBackup(asked, { kube, now, signal, installedIn: namespace }))
  const previewed = await previewBackup({ ...accepted, kube, everyVersion, signal })
  return { ...previewed, [Symbol.asyncDispose]: () => Promise.resolve() }
}

/** The backup comes through the server, everything else from the cluster itself. */
async function rehearse(place: Place, asked: Restore): Promise<OpenRestorePreview> {
  const { kube, signal } = place
  const { name } = asked.metadata
  const known = await installed(Restores, () => kube.find(Restores, name, place))
  const taken = known && kube.server
  const backups = await allOf(place, Backups)
  const { restore, backup } = await acceptRestore(asked, { kube, backups, taken, signal })
  if (backup === undefined) throw new UserError(`Restore "${name}" names no backup`)
  const source = await openSource(place, backup, { exact: restoreWishes(restore).exact })
  try {
    const previewed = await previewRestore({ restore, source, kube, signal })
    return { ...previewed, [Symbol.asyncDispose]: () => source[Symbol.asyncDispose]() }
  } catch (error) {
    await source[Symbol.asyncDispose]()
    throw error
  }
}

/** `exact`: rather no backup at all than one without a manifest that the server has: the server would then know more than we. */
async function openSource(place: Place, backup: Backup, { exact }: { exact: boolean }): Promise<BackupSource> {
  const { name } = backup.metadata
  return await readBackup(backup, {
    place: place.kube.server,
    read: async (artifact) => {
      if (artifact !== 'manifest') return await download(place, backupTargets[artifact], name)
      return exact ? await certainManifest(place, name) : await downloadManifest(place, name)
    },
    signal: place.signal,
  })
}

async function allOf<T extends Backup | Restore>(
  place: Place,
  type: ResourceType<T>,
  labelSelector?: string,
): Promise<T[]> {
  const { kube, namespace, signal } = place
  return await installed(type, async () => {
    const objects: T[] = []
    for await (const page of kube.pages(type, { namespace, labelSelector, signal })) objects.push(...page.items)
    return objects
  })
}

/** What carries the label of the backup, and of this very backup where it says which; by name. */
async function ofBackup<T extends PodVolumeBackup | DeleteBackupRequest>(
  { kube, namespace, signal }: Place,
  type: ResourceType<T>,
  { metadata: { name, uid } }: Backup,
): Promise<T[]> {
  const labelSelector = `${labelKeys.backupName}=${labelValue(name)}`
  const found: T[] = []
  for await (const { items } of kube.pages(type, { namespace, labelSelector, signal })) found.push(...items)
  return found.filter(({ metadata: { labels } }) => (labels?.[labelKeys.backupUid] ?? uid) === uid)
}

/** Runs `call`; says what it means when the cluster does not know our kinds, where every answer is a bare 404. */
export async function installed<T>(type: { plural: string; group: string }, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    // Of an object or a namespace that is not there the server says more.
    if (!(error instanceof KubeError) || error.problem !== 'not-found' || error.reason !== '') throw error
    throw new UserError(
      `this cluster does not know ${type.plural}.${type.group}: Lifeboat is not installed (lifeboat install --crds-only), ` +
        'or work without installation: --store URL',
      { cause: error },
    )
  }
}

/** The objects of these names, or all of the query when there are none; errors as `installed`. */
export async function installedObjects<T extends KubeObject>(
  kube: KubeClient,
  type: ResourceType<T>,
  { names, query }: { names: readonly string[]; query: ListOptions },
): Promise<T[]> {
  return await installed(type, async () =>
    names.length > 0
      ? await Promise.all(names.map((name) => kube.get(type, name, query)))
      : (await kube.list(type, query)).items,
  )
}

interface Creation<T extends Backup | Restore> {
  readonly type: ResourceType<T>
  readonly object: T
  readonly following: Following
  readonly standing: (current: T) => { doing: string; done: number; total?: number | undefined }
}

async function create<T extends Backup | Restore>(place: Place, creation: Creation<T>): Promise<T> {
  const { kube, namespace, signal } = place
  const { type, object, following } = creation
  const made = await installed(type, () => kube.create(type, object, { namespace, signal }))
  return following.wait ? await untilEnded(place, made, creation) : made
}

const POLL_MS = 500

async function untilEnded<T extends Backup | Restore>(place: Place, made: T, creation: Creation<T>): Promise<T> {
  const { kube, namespace, signal } = place
  const { name } = made.metadata
  for (let current: T | undefined = made; ; current = await kube.find(creation.type, name, { namespace, signal })) {
    if (current === undefined)
      throw new UserError(`${creation.type.kind} "${name}" was deleted while it was waited for`)
    if (hasEnded(current.status?.phase)) return current
    creation.following.onStanding(creation.standing(current))
    await sleep(POLL_MS, undefined, { signal })
  }
}

function backupStanding({ status }: Backup): { doing: string; done: number; total?: number | undefined } {
  return {
    doing: status?.phase ?? 'Waiting for the server',
    done: status?.progress?.itemsBackedUp ?? 0,
    total: status?.progress?.totalItems,
  }
}

function restoreStanding({ status }: Restore): { doing: string; done: number; total?: number | undefined } {
  return {
    doing: status?.phase ?? 'Waiting for the server',
    done: status?.progress?.itemsRestored ?? 0,
    total: status?.progress?.totalItems,
  }
}

/** The server deletes. */
async function requestDeletion(place: Place, backup: Backup): Promise<string> {
  const { kube, namespace, signal } = place
  const { name } = backup.metadata
  await kube.create(DeleteBackupRequests, deletionRequest(backup, randomUUID().slice(0, 8)), { namespace, signal })
  return `Request to delete backup "${name}" submitted successfully.\nThe backup will be fully deleted after all associated data are removed.`
}

/** The server removes the files before it lets the object go. */
async function deleteRestore({ kube, namespace, signal }: Place, { metadata }: Restore): Promise<string> {
  await kube.delete(Restores, metadata.name, { namespace, uid: metadata.uid, signal })
  return `Request to delete restore "${metadata.name}" submitted successfully.\nIt is gone as soon as its files are removed.`
}
