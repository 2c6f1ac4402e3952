import type { Backup } from '#api/backup.ts'
import type { DeleteBackupRequest } from '#api/delete-backup-request.ts'
import type { PodVolumeBackup } from '#api/pod-volume-backup.ts'
import { decodeBackupOperations, type BackupOperation } from '#archive/item-operations.ts'
import type { ManifestTrailer } from '#archive/manifest.ts'
import type { ResourceList } from '#archive/resource-list.ts'
import type { Results } from '#archive/results.ts'
import type { VolumeInfo } from '#archive/volume-info.ts'
import type { Door } from '../door.ts'
import { UserError } from '../exit.ts'
import { readJson, readTrailer } from './stored-json.ts'

/** What a description of a backup is made of. Undefined is what is not there, or could not be had. */
export interface BackupFacts {
  readonly backup: Backup
  readonly results: Results | undefined
  readonly resourceList: ResourceList | undefined
  readonly trailer: ManifestTrailer | undefined
  readonly operations: readonly BackupOperation[] | undefined
  readonly volumes: readonly VolumeInfo[] | undefined
  readonly copies: readonly PodVolumeBackup[]
  readonly deletions: readonly DeleteBackupRequest[]
  /** Why the backup's files could not be read, where they should be there. */
  readonly unreadable: string | undefined
}

type Stored = Pick<BackupFacts, 'results' | 'resourceList' | 'trailer' | 'operations' | 'volumes' | 'unreadable'>

const nothingStored: Stored = {
  results: undefined,
  resourceList: undefined,
  trailer: undefined,
  operations: undefined,
  volumes: undefined,
  unreadable: undefined,
}

/** Reads everything about `backup`; what only `details` show is left out without them. Rejects when even the objects cannot be read. */
export async function backupFacts(door: Door, backup: Backup, details: boolean): Promise<BackupFacts> {
  const [copies, deletions, stored] = await Promise.all([
    door.podVolumeBackups(backup),
    door.deletionRequests(backup),
    hasFiles(backup) ? storedFacts(door, backup, details) : nothingStored,
  ])
  return { backup, copies, deletions, ...stored }
}

const withoutFiles: ReadonlySet<string> = new Set(['New', 'Queued', 'ReadyToStart', 'InProgress', 'FailedValidation'])

function hasFiles({ status }: Backup): boolean {
  return !withoutFiles.has(status?.phase || 'New')
}

/** The files come through the server, which may be down: the rest of the description is worth having then. */
async function storedFacts(door: Door, backup: Backup, details: boolean): Promise<Stored> {
  const {
    metadata: { name },
    status,
  } = backup
  const troubled = (status?.errors ?? 0) + (status?.warnings ?? 0) > 0
  try {
    return {
      results: troubled ? await readJson<Results>(door.backupArtifact(name, 'results')) : undefined,
      resourceList: details ? await readJson<ResourceList>(door.backupArtifact(name, 'resource-list')) : undefined,
      operations: details ? await storedOperations(door, backup) : undefined,
      trailer: await readTrailer(door.backupArtifact(name, 'manifest')),
      volumes: (await readJson<VolumeInfo[] | null>(door.backupArtifact(name, 'volume-info'))) ?? undefined,
      unreadable: undefined,
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return { ...nothingStored, unreadable: error.message }
  }
}

async function storedOperations(door: Door, { metadata, status }: Backup): Promise<BackupOperation[] | undefined> {
  if ((status?.backupItemOperationsAttempted ?? 0) === 0) return undefined
  const bytes = await door.backupArtifact(metadata.name, 'item-operations')
  return bytes === undefined ? undefined : await decodeBackupOperations(bytes)
}
