import { Backups } from '#api/backup.ts'
import { DownloadRequests, type DownloadRequest, type DownloadTargetKind } from '#api/download-request.ts'
import { Restores } from '#api/restore.ts'
import type { Controller, Environment, Next } from '#runtime/controller.ts'
import { backupKey, restoreKey, type BackupArtifact, type RestoreArtifact } from '#store/layout.ts'
import type { LocationStores } from './location-stores.ts'
import { patchLasting } from './status-patch.ts'
import { timestamp } from './timestamp.ts'

export interface DownloadRequestControllerOptions {
  readonly stores: LocationStores
  /** A URL of our own for stores that cannot sign one: gives `key` of the location to its bearer for `seconds`. */
  readonly ownUrl: (location: string, key: string, seconds: number) => string
}

const LIFETIME_SECONDS = 600

/** The artifact behind each target (spec/object-store §17). */
const backupArtifacts: Partial<Record<DownloadTargetKind, BackupArtifact>> = {
  BackupLog: 'logs',
  BackupContents: 'contents',
  BackupVolumeSnapshots: 'volume-snapshots',
  BackupItemOperations: 'item-operations',
  BackupResourceList: 'resource-list',
  BackupResults: 'results',
  BackupVolumeInfos: 'volume-info',
  CSIBackupVolumeSnapshots: 'csi-volume-snapshots',
  CSIBackupVolumeSnapshotContents: 'csi-volume-snapshot-contents',
}
const restoreArtifacts: Partial<Record<DownloadTargetKind, RestoreArtifact>> = {
  RestoreLog: 'logs',
  RestoreResults: 'results',
  RestoreResourceList: 'resource-list',
  RestoreItemOperations: 'item-operations',
  RestoreVolumeInfo: 'volume-info',
}

/** Answers requests for one file of a backup or restore with a URL that works for ten minutes, then removes them. */
export function downloadRequestController(options: DownloadRequestControllerOptions): Controller<DownloadRequest> {
  return {
    name: 'download-request',
    type: DownloadRequests,
    workers: 2,
    async reconcile(request, environment): Promise<Next> {
      const { kube, namespace, now } = environment
      const { name } = request.metadata
      const left =
        typeof request.status?.expiration === 'string'
          ? Date.parse(request.status.expiration) - now().getTime()
          : undefined
      if (left !== undefined && left <= 0) {
        await kube.delete(DownloadRequests, name, { namespace })
        return undefined
      }
      if (request.status?.phase === 'Processed') return { afterMillis: left ?? 0 }
      // Without its backup a request stays unanswered until it expires, as in Velero: the client gives up by itself.
      const url = await urlFor(request, environment, options)
      const expiration = timestamp(new Date(now().getTime() + LIFETIME_SECONDS * 1000))
      const status = url === undefined ? { expiration } : { phase: 'Processed', downloadURL: url, expiration }
      await patchLasting(kube, DownloadRequests, { name, namespace, change: { status } })
      return { afterMillis: LIFETIME_SECONDS * 1000 }
    },
  }
}

async function urlFor(
  request: DownloadRequest,
  environment: Environment,
  options: DownloadRequestControllerOptions,
): Promise<string | undefined> {
  const { kind, name } = request.spec.target
  const location = await locationOf(request, environment)
  if (location === undefined) return undefined
  const [backupArtifact, restoreArtifact] = [backupArtifacts[kind], restoreArtifacts[kind]]
  const key =
    backupArtifact !== undefined
      ? backupKey(name, backupArtifact)
      : restoreArtifact && restoreKey(name, restoreArtifact)
  if (key === undefined) return undefined
  const store = await options.stores.openNamed(location)
  try {
    return (await store.presignGet(key, LIFETIME_SECONDS)) ?? options.ownUrl(location, key, LIFETIME_SECONDS)
  } finally {
    await store.close()
  }
}

/** The name of the location that holds the file; undefined when the backup (or the restore's backup) is not there. */
async function locationOf(
  request: DownloadRequest,
  { kube, namespace, signal }: Environment,
): Promise<string | undefined> {
  const { kind, name } = request.spec.target
  const backupName =
    restoreArtifacts[kind] === undefined
      ? name
      : (await kube.find(Restores, name, { namespace, signal }))?.spec.backupName
  if (backupName === undefined) return undefined
  return (await kube.find(Backups, backupName, { namespace, signal }))?.spec.storageLocation
}
