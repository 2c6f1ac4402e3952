import type { KubeObject } from '#kube/object.ts'
import { BackupRepositories } from './backup-repository.ts'
import { BackupStorageLocations } from './backup-storage-location.ts'
import { Backups } from './backup.ts'
import { DataDownloads } from './data-download.ts'
import { DataUploads } from './data-upload.ts'
import { DeleteBackupRequests } from './delete-backup-request.ts'
import { DownloadRequests } from './download-request.ts'
import type { Kind } from './kind.ts'
import { Notifications } from './notification.ts'
import { PodVolumeBackups } from './pod-volume-backup.ts'
import { PodVolumeRestores } from './pod-volume-restore.ts'
import { Restores } from './restore.ts'
import { Schedules } from './schedule.ts'
import { ServerStatusRequests } from './server-status-request.ts'
import { VolumeSnapshotLocations } from './volume-snapshot-location.ts'

/** All kinds of Velero 1.18, by plural. Velero's server and CLI refuse to work in a cluster that lacks one. */
export const allKinds: readonly Kind<KubeObject>[] = [
  BackupRepositories,
  Backups,
  BackupStorageLocations,
  DataDownloads,
  DataUploads,
  DeleteBackupRequests,
  DownloadRequests,
  PodVolumeBackups,
  PodVolumeRestores,
  Restores,
  Schedules,
  ServerStatusRequests,
  VolumeSnapshotLocations,
]

/** What Velero does not have: a server works without them where they are not installed. */
export const ownKinds: readonly Kind<KubeObject>[] = [Notifications]

/** Everything that an installation brings. */
export const installedKinds: readonly Kind<KubeObject>[] = [...allKinds, ...ownKinds]
