import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Backups } from '#api/backup.ts'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import {
  artifactAnnotations,
  downloadPathAnnotation,
  DownloadRequests,
  type DownloadTargetKind,
} from '#api/download-request.ts'
import { Restores } from '#api/restore.ts'
import { Secrets } from '#kube/core-types.ts'
import type { KubeClient } from '#kube/client.ts'
import { apiVersionOf } from '#kube/object.ts'
import type { BackupArtifact, RestoreArtifact } from '#store/layout.ts'
import type { ApiServerWay } from './api-server-way.ts'
import { UserError } from './exit.ts'
import { fetchUrl, type DownloadTrust } from './fetch-url.ts'

/**
 * By which way files come: through the API server to the server that keeps them, by the link to the bucket, or by the second where the first is none
 * (docs/decisions/0044-files-through-the-api-server.md).
 */
export const downloadWays = ['auto', 'api-server', 'link'] as const
export type DownloadWay = (typeof downloadWays)[number]

/** How files come from the server. */
export interface DownloadSettings {
  readonly via: DownloadWay
  /** How long the server may take to name a link. */
  readonly timeoutMillis: number
  /** File with certificates in PEM that vouch for the bucket; undefined takes those of its location. */
  readonly caFile: string | undefined
  /** Any certificate will do. */
  readonly insecure: boolean
  readonly env: Readonly<Record<string, string | undefined>>
  /** Told what goes on without what was asked for. */
  readonly onWarning: (text: string) => void
}

interface Place {
  readonly kube: KubeClient
  readonly namespace: string
  readonly signal: AbortSignal
  readonly download: DownloadSettings
  readonly throughApiServer: ApiServerWay
}

/** What a DownloadRequest can ask for (spec/object-store §17); the other artifacts stay on the server. */
export const backupTargets: Readonly<Record<BackupArtifact, DownloadTargetKind | undefined>> = {
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

/** As `backupTargets`. */
export const restoreTargets: Readonly<Record<RestoreArtifact, DownloadTargetKind | undefined>> = {
  metadata: undefined,
  logs: 'RestoreLog',
  results: 'RestoreResults',
  'resource-list': 'RestoreResourceList',
  'item-operations': 'RestoreItemOperations',
  'volume-info': 'RestoreVolumeInfo',
}

interface Target {
  readonly kind: DownloadTargetKind
  readonly name: string
}

/** Asks the server for the file of the backup or restore `name`; undefined when there is no such file. Rejects with UserError. */
export async function download(
  place: Place,
  kind: DownloadTargetKind | undefined,
  name: string,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  if (kind === undefined) return undefined
  const target = { kind, name }
  return await fetchFile(place, await requestLink(place, { target, annotations: {} }))
}

/** The manifest of the backup `name`; undefined when it has none, or when the server is one that knows of none, such as Velero's. */
export async function downloadManifest(place: Place, name: string): Promise<AsyncIterable<Uint8Array> | undefined> {
  const link = await requestManifest(place, name)
  return link.answered ? await fetchFile(place, link) : undefined
}

/** As `downloadManifest`; UserError when the server knows of none. */
export async function certainManifest(place: Place, name: string): Promise<AsyncIterable<Uint8Array> | undefined> {
  const link = await requestManifest(place, name)
  if (link.answered) return await fetchFile(place, link)
  throw new UserError(
    `the server in namespace ${place.namespace} is not Lifeboat's, or too old: it knows of no exact restores`,
  )
}

async function requestManifest(place: Place, name: string): Promise<Link & { answered: boolean }> {
  const annotations = { [artifactAnnotations.asked]: 'manifest' }
  const link = await requestLink(place, { target: { kind: 'BackupContents', name }, annotations })
  return { ...link, answered: link.annotations[artifactAnnotations.answered] === 'manifest' }
}

interface Link {
  readonly target: Target
  readonly url: string
  readonly annotations: Readonly<Record<string, string>>
}

/** How long the first of two ways may take to begin: the API server itself waits half a minute for a pod behind a firewall. */
const FIRST_WAY_MILLIS = 10_000

/**
 * The API server first: it is reached already, and trusted, and mostly it says at once that it is no way, while a bucket behind a firewall is silence. Only
 * before the first byte there is another way: what breaks off rejects.
 */
async function fetchFile(place: Place, link: Link): Promise<AsyncIterable<Uint8Array> | undefined> {
  const { via } = place.download
  const path = link.annotations[downloadPathAnnotation]
  if (via === 'link' || (via === 'auto' && path === undefined)) return await fetchLink(place, link)
  const patienceMillis = via === 'auto' ? FIRST_WAY_MILLIS : undefined
  const came = path === undefined ? { why: namesNoPath(place) } : await place.throughApiServer(path, { patienceMillis })
  if ('bytes' in came) return came.bytes
  if (via === 'api-server') throw new UserError(`cannot download through the API server: ${came.why}`)
  try {
    return await fetchLink(place, link)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    const { message } = error
    throw new UserError(`cannot download by either way. Through the API server: ${came.why}. By the link: ${message}`, {
      cause: error,
    })
  }
}

function namesNoPath({ namespace }: Place): string {
  return `the server in namespace ${namespace} is not Lifeboat's, or too old: it names no path for that; the other way is --download-via link`
}

async function fetchLink(place: Place, { url, target }: Link): Promise<AsyncIterable<Uint8Array> | undefined> {
  const trust = await trustFor(place, { url, ...target })
  return await fetchUrl(url, { signal: place.signal, trust, env: place.download.env })
}

async function requestLink(
  place: Place,
  { target, annotations }: { target: Target; annotations: Record<string, string> },
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
    return { target, ...(await untilSigned(place, request.metadata.name)) }
  } finally {
    await kube.delete(DownloadRequests, request.metadata.name, { namespace }).catch(() => false)
  }
}

async function untilSigned(
  { kube, namespace, signal, download: { timeoutMillis } }: Place,
  name: string,
): Promise<Omit<Link, 'target'>> {
  const deadline = performance.now() + timeoutMillis
  for (;;) {
    const { status, metadata } = await kube.get(DownloadRequests, name, { namespace, signal })
    if (status?.downloadURL) return { url: status.downloadURL, annotations: metadata.annotations ?? {} }
    if (performance.now() > deadline) {
      throw new UserError(
        `the server did not answer download request "${name}" within ${timeoutMillis / 1000} s; is it running in namespace ${namespace}?`,
      )
    }
    await sleep(50, undefined, { signal })
  }
}

/** The file of `--cacert`; without one, or when it cannot be read, what the location says about its bucket (spec/cli.md §10). */
async function trustFor(
  place: Place,
  asked: { url: string; kind: DownloadTargetKind; name: string },
): Promise<DownloadTrust> {
  const { caFile, insecure, onWarning } = place.download
  if (insecure || !asked.url.startsWith('https:')) return { ca: undefined, insecure }
  const fromFile = caFile === undefined ? undefined : await readFile(caFile, 'utf8').catch((error: Error) => error)
  if (typeof fromFile === 'string') return { ca: fromFile, insecure }
  const ca = await locationAuthority(place, asked)
  if (fromFile instanceof Error) {
    const problem = `cannot read the certificates of --cacert: ${fromFile.message}`
    if (ca === undefined) throw new UserError(problem, { cause: fromFile })
    onWarning(`${problem}; those of the backup location are used`)
  }
  return { ca, insecure }
}

async function locationAuthority(
  { kube, namespace, signal }: Place,
  { kind, name }: { kind: DownloadTargetKind; name: string },
): Promise<string | undefined> {
  const options = { namespace, signal }
  const ofRestore = kind.startsWith('Restore') ? await kube.find(Restores, name, options) : undefined
  const backup = await kube.find(Backups, ofRestore?.spec.backupName ?? name, options)
  const at = backup?.spec.storageLocation
  const location = at ? await kube.find(BackupStorageLocations, at, options) : undefined
  const { caCert, caCertRef } = location?.spec.objectStorage ?? {}
  if (caCertRef?.name !== undefined && caCertRef.name !== '') {
    const secret = await kube.find(Secrets, caCertRef.name, options)
    return decoded(secret?.data?.[caCertRef.key])
  }
  return decoded(caCert)
}

function decoded(base64: string | undefined): string | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('utf8')
}
