import { Backups } from '#api/backup.ts'
import {
  artifactAnnotations,
  downloadPathAnnotation,
  DownloadRequests,
  type DownloadRequest,
  type DownloadTargetKind,
} from '#api/download-request.ts'
import { Restores } from '#api/restore.ts'
import type { Controller, Environment, Next } from '#runtime/controller.ts'
import { backupKey, restoreKey, type BackupArtifact, type RestoreArtifact } from '#store/layout.ts'
import type { LocationStores } from './location-stores.ts'
import { patchLasting } from './status-patch.ts'
import { timestamp } from '#api/timestamp.ts'

export interface DownloadRequestControllerOptions {
  readonly stores: LocationStores
  /** Path and query by which our own HTTP API gives `key` of the location to whoever has them, for `seconds`. */
  readonly ownPath: (location: string, key: string, seconds: number) => string
  /** What clients reach that API by, for stores that cannot sign URLs. */
  readonly publicUrl: string
}

const LIFETIME_SECONDS = 600
/** How soon a backup that was not there is looked for again. */
const UNANSWERED_PAUSE_MS = 5000

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

/** What a DownloadRequest needs from us now. */
export type DownloadStep = { do: 'mark' } | { do: 'sign' } | { do: 'keep'; millis: number } | { do: 'delete' }

/** Decides by expiration and phase: every request dies ten minutes after it was answered, or seen first. */
export function downloadStep({ status }: DownloadRequest, now: Date): DownloadStep {
  if (typeof status?.expiration !== 'string') return { do: 'mark' }
  const millis = Date.parse(status.expiration) - now.getTime()
  if (millis <= 0) return { do: 'delete' }
  return status.phase === 'Processed' ? { do: 'keep', millis } : { do: 'sign' }
}

/** Answers requests for one file of a backup or restore with a URL and a path that work for ten minutes, then removes them. */
export function downloadRequestController(options: DownloadRequestControllerOptions): Controller<DownloadRequest> {
  return {
    name: 'download-request',
    type: DownloadRequests,
    workers: 2,
    async reconcile(request, environment): Promise<Next> {
      const { kube, namespace, now } = environment
      const { name } = request.metadata
      const step = downloadStep(request, now())
      switch (step.do) {
        case 'keep':
          return { afterMillis: step.millis }
        case 'delete':
          await kube.delete(DownloadRequests, name, { namespace })
          return undefined
        case 'mark':
          // First of all, so that a request which cannot be answered is still removed.
          await patchLasting(kube, DownloadRequests, { name, namespace, change: { status: lifetime(now()) } })
          return undefined
        case 'sign': {
          const links = await linksFor(request, environment, options)
          // Without its backup a request stays unanswered, as in Velero: the client gives up by itself.
          if (links === undefined) return { afterMillis: UNANSWERED_PAUSE_MS }
          const annotations = { ...answered(request), [downloadPathAnnotation]: links.path }
          const status = { phase: 'Processed', downloadURL: links.url, ...lifetime(now()) }
          await patchLasting(kube, DownloadRequests, { name, namespace, change: { metadata: { annotations }, status } })
          return undefined
        }
      }
    },
  }
}

function lifetime(now: Date): { expiration: string } {
  return { expiration: timestamp(new Date(now.getTime() + LIFETIME_SECONDS * 1000)) }
}

/** A URL for who reaches the bucket (or, when it cannot sign, us), and a path for who reaches us in another way. */
async function linksFor(
  request: DownloadRequest,
  environment: Environment,
  { stores, ownPath, publicUrl }: DownloadRequestControllerOptions,
): Promise<{ url: string; path: string } | undefined> {
  const { kind, name } = request.spec.target
  const location = await locationOf(request, environment)
  if (location === undefined) return undefined
  const key = asksForManifest(request) ? backupKey(name, 'manifest') : keyOf(kind, name)
  if (key === undefined) return undefined
  const path = ownPath(location, key, LIFETIME_SECONDS)
  const store = await stores.openNamed(location)
  try {
    return { url: (await store.presignGet(key, LIFETIME_SECONDS)) ?? publicUrl + path, path }
  } finally {
    await store.close()
  }
}

function asksForManifest({ metadata, spec }: DownloadRequest): boolean {
  return spec.target.kind === 'BackupContents' && metadata.annotations?.[artifactAnnotations.asked] === 'manifest'
}

/** Says to which artifact the link leads, where the spec does not. */
function answered(request: DownloadRequest): object {
  return asksForManifest(request) ? { [artifactAnnotations.answered]: 'manifest' } : {}
}

function keyOf(kind: DownloadTargetKind, name: string): string | undefined {
  const [ofBackup, ofRestore] = [backupArtifacts[kind], restoreArtifacts[kind]]
  if (ofBackup !== undefined) return backupKey(name, ofBackup)
  return ofRestore && restoreKey(name, ofRestore)
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
