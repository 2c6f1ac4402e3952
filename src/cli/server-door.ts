import { Backups, type Backup } from '#api/backup.ts'
import { DeleteBackupRequests } from '#api/delete-backup-request.ts'
import { artifactAnnotations, DownloadRequests, type DownloadTargetKind } from '#api/download-request.ts'
import { deletionRequest } from '#backup/deletion-request.ts'
import { previewBackup } from '#backup/preview.ts'
import { hasEnded } from '#api/phases.ts'
import { Restores, type Restore } from '#api/restore.ts'
import { Schedules } from '#api/schedule.ts'
import { restoreWishes } from '#api/restore-wishes.ts'
import { type BackupSource, readBackup } from '#restore/backup-source.ts'
import { previewRestore } from '#restore/preview.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { apiVersionOf, type ResourceType } from '#kube/object.ts'
import type { BackupArtifact, RestoreArtifact } from '#store/layout.ts'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { acceptBackup } from './accept-backup.ts'
import { acceptRestore } from './accept-restore.ts'
import type { Door, Following, OpenPreview, OpenRestorePreview } from './door.ts'
import { UserError } from './exit.ts'
import { fetchUrl } from './fetch-url.ts'

export interface ServerDoorOptions {
  readonly namespace: string
  readonly signal: AbortSignal
  readonly now: () => Date
}

interface Place extends ServerDoorOptions {
  readonly kube: KubeClient
}

/** The door to a cluster in which Lifeboat's server, or Velero's, does the work: everything goes through custom resources. */
export function serverDoor(kube: KubeClient, options: ServerDoorOptions): Door {
  const place: Place = { kube, ...options }
  return {
    place: `cluster ${kube.server} (namespace ${options.namespace})`,
    flags: '',
    backups: (labels) => allOf(place, Backups, labels),
    backup: (name) => installed(Backups, () => kube.find(Backups, name, options)),
    createBackup: (backup, following) =>
      create(place, { type: Backups, object: backup, following, standing: backupStanding }),
    schedule: (name) => installed(Schedules, () => kube.find(Schedules, name, options)),
    previewBackup: (backup, { signal }) => preview(place, backup, signal),
    deleteBackup: (backup) => requestDeletion(place, backup),
    backupArtifact: (name, artifact) =>
      artifact === 'manifest' ? manifest(place, name) : download(place, backupTargets[artifact], name),
    openBackup: async (backup) => {
      const source = await openSource(place, backup, { exact: false })
      return { source, kube, [Symbol.asyncDispose]: () => source[Symbol.asyncDispose]() }
    },
    restores: (labels) => allOf(place, Restores, labels),
    restore: (name) => installed(Restores, () => kube.find(Restores, name, options)),
    createRestore: (restore, following) =>
      create(place, { type: Restores, object: restore, following, standing: restoreStanding }),
    previewRestore: (restore) => rehearse(place, restore),
    deleteRestore: (restore) => deleteRestore(place, restore),
    restoreArtifact: (name, artifact) => download(place, restoreTargets[artifact], name),
    [Symbol.asyncDispose]: () => kube.close(),
  }
}

/** Reads the cluster itself: no server is asked, and none needs to run. */
async function preview({ kube, namespace, now }: Place, asked: Backup, signal: AbortSignal): Promise<OpenPreview> {
  const accepted = await installed(Backups, () => acceptBackup(asked, { kube, now, signal, installedIn: namespace }))
  const previewed = await previewBackup({ ...accepted, kube, signal })
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
      return exact ? await certainManifest(place, name) : await manifest(place, name)
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

/** What a DownloadRequest can ask for (spec/object-store §17); the other artifacts stay on the server. */
const backupTargets: Readonly<Record<BackupArtifact, DownloadTargetKind | undefined>> = {
  metadata: undefined,
  contents: 'BackupContents',
  logs: 'BackupLog',
  results: 'BackupResults',
  'resource-list': 'BackupResourceList',
  'volume-info': 'BackupVolumeInfos',
  'volume-snapshots': 'BackupVolumeSnapshots',
  'pod-volume-backups': undefined,
  'item-operations': 'BackupItemOperations',
  'csi-volume-snapshots': 'CSIBackupVolumeSnapshots',
  'csi-volume-snapshot-contents': 'CSIBackupVolumeSnapshotContents',
  'csi-volume-snapshot-classes': undefined,
  manifest: undefined,
}

const restoreTargets: Readonly<Record<RestoreArtifact, DownloadTargetKind | undefined>> = {
  metadata: undefined,
  logs: 'RestoreLog',
  results: 'RestoreResults',
  'resource-list': 'RestoreResourceList',
  'item-operations': 'RestoreItemOperations',
  'volume-info': 'RestoreVolumeInfo',
}

const DOWNLOAD_TIMEOUT_MS = 60_000

async function download(
  place: Place,
  kind: DownloadTargetKind | undefined,
  name: string,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  if (kind === undefined) return undefined
  const { url } = await requestDownload(place, { target: { kind, name }, annotations: {} })
  return await fetchUrl(url, { signal: place.signal })
}

/** Undefined when the backup has none, or when the server is one that knows of none, such as Velero's. */
async function manifest(place: Place, name: string): Promise<AsyncIterable<Uint8Array> | undefined> {
  const { url, answered } = await requestManifest(place, name)
  return answered ? await fetchUrl(url, { signal: place.signal }) : undefined
}

/** As `manifest`; UserError when the server knows of none. */
async function certainManifest(place: Place, name: string): Promise<AsyncIterable<Uint8Array> | undefined> {
  const { url, answered } = await requestManifest(place, name)
  if (answered) return await fetchUrl(url, { signal: place.signal })
  throw new UserError(
    `the server in namespace ${place.namespace} is not Lifeboat's, or too old: it knows of no exact restores`,
  )
}

async function requestManifest(place: Place, name: string): Promise<{ url: string; answered: boolean }> {
  const annotations = { [artifactAnnotations.asked]: 'manifest' }
  const link = await requestDownload(place, { target: { kind: 'BackupContents', name }, annotations })
  return { url: link.url, answered: link.annotations[artifactAnnotations.answered] === 'manifest' }
}

interface Link {
  readonly url: string
  readonly annotations: Readonly<Record<string, string>>
}

async function requestDownload(
  place: Place,
  { target, annotations }: { target: { kind: DownloadTargetKind; name: string }; annotations: Record<string, string> },
): Promise<Link> {
  const { kube, namespace, signal } = place
  const request = {
    apiVersion: apiVersionOf(DownloadRequests),
    kind: DownloadRequests.kind,
    metadata: { name: `${target.name.slice(0, 200)}-${randomUUID()}`, namespace, annotations },
    spec: { target },
  }
  await kube.create(DownloadRequests, request, { namespace, signal })
  try {
    return await untilSigned(place, request.metadata.name)
  } finally {
    await kube.delete(DownloadRequests, request.metadata.name, { namespace }).catch(() => false)
  }
}

async function untilSigned({ kube, namespace, signal }: Place, name: string): Promise<Link> {
  const deadline = AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS)
  for (;;) {
    const { status, metadata } = await kube.get(DownloadRequests, name, { namespace, signal })
    if (status?.downloadURL) return { url: status.downloadURL, annotations: metadata.annotations ?? {} }
    if (deadline.aborted) {
      throw new UserError(
        `the server did not answer download request "${name}" within a minute; is it running in namespace ${namespace}?`,
      )
    }
    await sleep(100, undefined, { signal })
  }
}
