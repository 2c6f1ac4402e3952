import { tmpdir } from 'node:os'
import { Backups, type Backup } from '#api/backup.ts'
import { readObject } from '#api/read.ts'
import { ArchiveError } from '#archive/error.ts'
import { decodeBackupMetadata } from '#archive/backup-metadata.ts'
import { type ManifestTrailer, openManifest } from '#archive/manifest.ts'
import { type OpenArchive, openArchive } from '#archive/open.ts'
import { verifyArchive } from '#archive/verify.ts'
import { type VolumeInfo, decodeVolumeInfo } from '#archive/volume-info.ts'
import { type NativeSnapshot, decodeVolumeSnapshots } from '#archive/volume-snapshots.ts'
import { parseJson } from '#kube/json.ts'
import { findObject } from '#store/find.ts'
import { type BackupArtifact, backupKey, backupPrefix, backupsPrefix } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import { RestoreError } from './error.ts'

/** What a restore reads of a backup, checked. Dispose frees the disk space. */
export interface BackupSource extends AsyncDisposable {
  /** The record of the backup. */
  backup: Backup
  archive: OpenArchive
  /** The types (`plural.group`) of which the backup says that it has all it was to take; without a manifest, those that it has any of. */
  listed: ReadonlySet<string>
  /** By name of the PersistentVolume; empty when the backup has no volume info. */
  volumes: ReadonlyMap<string, VolumeInfo>
  /** Snapshots that a provider took, or did not; by name of the PersistentVolume. */
  natives: ReadonlyMap<string, NativeSnapshot>
}

export interface SourceOptions {
  store: ObjectStore
  spoolDir?: string | undefined
  signal?: AbortSignal | undefined
}

/** A way to the artifacts of one backup that is not a store. */
export interface ArtifactSource {
  /** For messages. */
  place: string
  /** The stored bytes; undefined when there is no such artifact, or when it cannot be had this way. */
  read: (artifact: BackupArtifact) => Promise<AsyncIterable<Uint8Array> | undefined>
  spoolDir?: string | undefined
  signal?: AbortSignal | undefined
}

/** Names in one message before it says "and N more". */
const NAMED = 10

/**
 * Reads and checks all that a restore needs of backup `name`. Rejects with RestoreError: 'no-such-backup' with the names there are,
 * 'backup-unfinished' when its commit marker or contents are missing, 'backup-damaged' when anything in it is not what was written.
 */
export async function openBackup(
  name: string,
  { store, spoolDir = tmpdir(), signal }: SourceOptions,
): Promise<BackupSource> {
  const read = (artifact: BackupArtifact) => findObject(store, backupKey(name, artifact), { signal })
  const marker = await read('metadata')
  if (marker === undefined) throw await missingBackup(name, store)
  return await readingArchive(name, async () => {
    const backup = readObject(Backups, await decodeBackupMetadata(marker))
    return await readBackup(backup, { read, place: store.url, spoolDir, signal })
  })
}

/** As `openBackup`, for a backup that somebody else says is finished. Without its manifest, only the archive's own checks are made. */
export async function readBackup(backup: Backup, source: ArtifactSource): Promise<BackupSource> {
  const { read, place, spoolDir = tmpdir(), signal } = source
  const { name } = backup.metadata
  const contents = await read('contents')
  if (contents === undefined) {
    throw new RestoreError(
      'backup-unfinished',
      `backup ${name} has no contents (${backupKey(name, 'contents')}) in ${place}: it is being written or deleted, or was cut short; use another backup`,
    )
  }
  return await readingArchive(name, async () => {
    const archive = await openArchive(contents, { spoolDir, parse: parseJson, signal })
    try {
      const infos = await read('volume-info')
      const volumes = infos === undefined ? [] : await decodeVolumeInfo(infos)
      const snapshots = await read('volume-snapshots')
      const natives = snapshots === undefined ? [] : await decodeVolumeSnapshots(snapshots)
      const manifest = await read('manifest')
      const trailer = manifest && (await checkAgainst(manifest, { name, archive, signal }))
      return {
        backup,
        archive,
        listed: new Set(trailer?.cut.types.map(({ resource }) => resource) ?? archive.resources()),
        volumes: byVolume(volumes, natives),
        natives: new Map(natives.map((native) => [native.spec.persistentVolumeName, native])),
        [Symbol.asyncDispose]: () => archive[Symbol.asyncDispose](),
      }
    } catch (error) {
      await archive[Symbol.asyncDispose]()
      throw error
    }
  })
}

/** Backups that Velero made before 1.13 have only the list of snapshots to say that there are some. */
function byVolume(infos: readonly VolumeInfo[], natives: readonly NativeSnapshot[]): Map<string, VolumeInfo> {
  const told = natives.map(({ spec }): VolumeInfo => ({
    pvName: spec.persistentVolumeName,
    backupMethod: 'NativeSnapshot',
  }))
  return new Map([...told, ...infos].flatMap((info) => (info.pvName ? [[info.pvName, info] as const] : [])))
}

/** What is wrong with the archive is wrong with the backup. */
async function readingArchive<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error
    throw new RestoreError('backup-damaged', `backup ${name}: ${error.message}`, { cause: error })
  }
}

async function missingBackup(name: string, store: ObjectStore): Promise<RestoreError> {
  for await (const { key } of store.list(backupPrefix(name))) {
    return new RestoreError(
      'backup-unfinished',
      `backup ${name} in ${store.url} is not finished: there is ${key}, but no ${backupKey(name, 'metadata')}; use another backup`,
    )
  }
  const names = (await Array.fromAsync(store.folders(backupsPrefix))).toSorted()
  const others = names.length === 0 ? 'it has no backups' : `it has ${some(names)}`
  return new RestoreError('no-such-backup', `there is no backup ${name} in ${store.url}; ${others}`)
}

async function checkAgainst(
  manifest: AsyncIterable<Uint8Array>,
  { name, archive, signal }: { name: string; archive: OpenArchive; signal: AbortSignal | undefined },
): Promise<ManifestTrailer> {
  const reader = await openManifest(manifest)
  const { differences } = await verifyArchive(archive, reader, { signal })
  if (differences.length === 0) return await reader.trailer()
  const faults = differences.map(({ path, problem }) => `${path} (${problem})`)
  throw new RestoreError(
    'backup-damaged',
    `backup ${name} does not hold what its manifest says it was made of: ${some(faults)}; nothing was restored, use another backup`,
  )
}

function some(names: readonly string[]): string {
  const rest = names.length - NAMED
  return rest > 0 ? `${names.slice(0, NAMED).join(', ')} and ${rest} more` : names.join(', ')
}
