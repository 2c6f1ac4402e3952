import type { Backup } from '#api/backup.ts'
import type { DeleteBackupRequest } from '#api/delete-backup-request.ts'
import type { PodVolumeBackup } from '#api/pod-volume-backup.ts'
import type { Restore } from '#api/restore.ts'
import type { Schedule } from '#api/schedule.ts'
import type { BackupPreview } from '#backup/preview.ts'
import type { KubeClient } from '#kube/client.ts'
import type { BackupSource } from '#restore/backup-source.ts'
import type { RestorePreview } from '#restore/preview.ts'
import type { BackupArtifact, RestoreArtifact } from '#store/layout.ts'
import type { Standing } from './progress-line.ts'

/** How a command wants to be kept informed, and whether it waits for the end. */
export interface Following {
  /** Resolve when the work has ended, not when it was accepted. The store door always waits. */
  readonly wait: boolean
  readonly signal: AbortSignal
  onStanding(standing: Standing): void
}

/** A preview and its connection to the cluster. */
export type OpenPreview = BackupPreview & AsyncDisposable

/** A whole backup, checked, and the cluster beside it. */
export interface OpenBackup extends AsyncDisposable {
  readonly source: BackupSource
  readonly kube: KubeClient
}

/** A preview of a restore, with the backup it reads and its connection to the cluster. */
export type OpenRestorePreview = RestorePreview & AsyncDisposable

/**
 * Where commands find backups and restores: a cluster with Lifeboat (or Velero) installed, or a store without any
 * installation. Commands are the same for both. Every method rejects with an error that speaks for itself.
 */
export interface Door extends AsyncDisposable {
  /** For messages: `store /backups` or `cluster https://… (namespace velero)`. */
  readonly place: string
  /** The flags that lead here, for commands shown to the user: `--store /backups `, or nothing. */
  readonly flags: string
  /** All backups, in name order. Unfinished ones appear only where the door can know them. */
  backups(labelSelector?: string): Promise<Backup[]>
  backup(name: string): Promise<Backup | undefined>
  createBackup(backup: Backup, following: Following): Promise<Backup>
  /** The schedule called `name`; undefined when there is none. Rejects with UserError where there are no schedules. */
  schedule(name: string): Promise<Schedule | undefined>
  /** What a backup would take and leave, without making it; refuses what `createBackup` would. Reads the cluster as the user, also where a server would make the backup. */
  previewBackup(backup: Backup, options: { signal: AbortSignal }): Promise<OpenPreview>
  /** Deletes the backup with everything behind it, or hands that to the server; resolves to a sentence that says which. */
  deleteBackup(backup: Backup): Promise<string>
  /** Has the server end a backup that has not ended; resolves to a sentence that says so. UserError where no server makes backups. */
  cancelBackup(backup: Backup): Promise<string>
  /** The copies of pod volumes that belong to the backup, by name. */
  podVolumeBackups(backup: Backup): Promise<PodVolumeBackup[]>
  /** The requests to delete it that were made and are still there. */
  deletionRequests(backup: Backup): Promise<DeleteBackupRequest[]>
  /** The stored bytes, or undefined when the backup has no such artifact. */
  backupArtifact(name: string, artifact: BackupArtifact): Promise<AsyncIterable<Uint8Array> | undefined>
  /** Opens a backup for work that needs the cluster too. */
  openBackup(backup: Backup, options: { signal: AbortSignal }): Promise<OpenBackup>
  restores(labelSelector?: string): Promise<Restore[]>
  restore(name: string): Promise<Restore | undefined>
  createRestore(restore: Restore, following: Following): Promise<Restore>
  /** What a restore would do, without doing it; refuses what `createRestore` would. Asks the cluster with the user's rights, also where a server would restore. */
  previewRestore(restore: Restore, options: { signal: AbortSignal }): Promise<OpenRestorePreview>
  /** Deletes the restore's files and record, not what it restored, or hands that to the server; resolves to a sentence that says which. */
  deleteRestore(restore: Restore): Promise<string>
  /** As `cancelBackup`. */
  cancelRestore(restore: Restore): Promise<string>
  restoreArtifact(name: string, artifact: RestoreArtifact): Promise<AsyncIterable<Uint8Array> | undefined>
}
