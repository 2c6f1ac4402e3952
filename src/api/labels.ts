import { createHash } from 'node:crypto'

/** Keys of the labels that we and Velero put on objects or look for. */
export const labelKeys = {
  backupName: 'velero.io/backup-name',
  backupUid: 'velero.io/backup-uid',
  restoreName: 'velero.io/restore-name',
  restoreUid: 'velero.io/restore-uid',
  scheduleName: 'velero.io/schedule-name',
  storageLocation: 'velero.io/storage-location',
  volumeNamespace: 'velero.io/volume-namespace',
  repositoryType: 'velero.io/repository-type',
  repositoryName: 'velero.io/repo-name',
  podUid: 'velero.io/pod-uid',
  pvcUid: 'velero.io/pvc-uid',
  asyncOperationId: 'velero.io/async-operation-id',
  dataUpload: 'velero.io/data-upload',
  dataDownload: 'velero.io/data-download',
  podVolumeBackup: 'velero.io/pod-volume-backup',
  podVolumeRestore: 'velero.io/pod-volume-restore',
  exposerPodGroup: 'velero.io/exposer-pod-group',
  exposeOnGoing: 'velero.io/expose-on-going',
  dataUploadSnapshotInfo: 'velero.io/data-upload-snapshot-info',
  pvcNamespaceName: 'velero.io/pvc-namespace-name',
  resourceUsage: 'velero.io/resource-usage',
  dynamicPvRestore: 'velero.io/dynamic-pv-restore',
  gcFailure: 'velero.io/gc-failure',
  /** `true` on an object or namespace keeps it out of every backup. */
  excludeFromBackup: 'velero.io/exclude-from-backup',
  volumeGroup: 'velero.io/volume-group',
  volumeSnapshotName: 'velero.io/volume-snapshot-name',
  volumeSnapshotClass: 'velero.io/csi-volumesnapshot-class',
  volumeGroupSnapshotClass: 'velero.io/csi-volumegroupsnapshot-class',
  pluginConfig: 'velero.io/plugin-config',
} as const

/** Keys of the annotations that we and Velero put on objects or look for. */
export const annotationKeys = {
  sourceGitVersion: 'velero.io/source-cluster-k8s-gitversion',
  sourceMajorVersion: 'velero.io/source-cluster-k8s-major-version',
  sourceMinorVersion: 'velero.io/source-cluster-k8s-minor-version',
  resourceTimeout: 'velero.io/resource-timeout',
  podVolumeTimeout: 'velero.io/pod-volume-timeout',
  pvcName: 'velero.io/pvc-name',
  skipFromBackup: 'velero.io/skip-from-backup',
  restoreStatus: 'velero.io/restore-status',
  originalPvName: 'velero.io/original-pv-name',
  backupVolumes: 'backup.velero.io/backup-volumes',
  backupVolumesExcludes: 'backup.velero.io/backup-volumes-excludes',
  mustIncludeAdditionalItems: 'backup.velero.io/must-include-additional-items',
  skippedNoCsiPv: 'backup.velero.io/skipped-no-csi-pv',
  dataUploadName: 'velero.io/data-upload-name',
  volumeSnapshotName: 'velero.io/volume-snapshot-name',
  /** On a PVC; on a Backup it is a prefix that `_<driver in lower case>` follows. */
  volumeSnapshotClass: 'velero.io/csi-volumesnapshot-class',
  /** On a PVC. Hyphens differ from the key on a Backup: it is really so. */
  volumeGroupSnapshotClass: 'velero.io/csi-volume-group-snapshot-class',
  /** On a Backup, followed by the driver in lower case. */
  volumeGroupSnapshotClassPrefix: 'velero.io/csi-volumegroupsnapshot-class_',
  volumeSnapshotHandle: 'velero.io/csi-volumesnapshot-handle',
  volumeSnapshotRestoreSize: 'velero.io/csi-volumesnapshot-restore-size',
  csiDriverName: 'velero.io/csi-driver-name',
  volumeSnapshotContentDeletionPolicy: 'velero.io/csi-vsc-deletion-policy',
  volumeGroupSnapshotHandle: 'velero.io/csi-volumegroupsnapshot-handle',
  /** Ours: on a stored VolumeSnapshotContent of a volume group, the handles of all members as a JSON list. */
  groupMembers: 'lifeboat.dev/volume-group-members',
  /** Ours: on a Backup that was found in a store, as long as its PodVolumeBackups are not all there. */
  importing: 'lifeboat.dev/importing',
  /** Ours, on a Restore: why it has not started, as a sentence; on a Backup in progress: why it is not taken up. */
  waits: 'lifeboat.dev/waits',
  /** Ours: on a Backup that has ended, as long as its VolumeSnapshots may still be in the cluster. */
  clearing: 'lifeboat.dev/clearing',
  /** On a Schedule, and on the Backups that take it over: which of them are kept, as `keep-last=3,daily=7`. */
  retention: 'lifeboat.dev/retention',
  /** Ours: on a Backup that a Schedule made by the clock, the identity of the cluster in which it did. */
  scheduledIn: 'lifeboat.dev/scheduled-in',
  /** Ours: beside `scheduledIn`, the time at which it was due. */
  due: 'lifeboat.dev/due',
  /** On a Backup or Restore: it is to end before its time. The value says who wants that; `true` when nobody is to be named. */
  cancel: 'lifeboat.dev/cancel',
  /** On a Pod: the database in it, or `fsfreeze`; stands for hooks that make its volumes consistent. */
  quiesce: 'lifeboat.dev/quiesce',
  /** On a Pod, beside `quiesce`: the container to do it in. */
  quiesceContainer: 'lifeboat.dev/quiesce-container',
  /** On a Restore: it waits for operations of our plug-ins, not of Velero's. */
  awaitsOperations: 'lifeboat.dev/awaits-operations',
} as const

/** Prefixes of the pod annotations that describe hooks; the field follows: `pre.hook.backup.velero.io/command`. */
export const hookPrefixes = {
  /** Old spelling of `preBackup`. */
  backup: 'hook.backup.velero.io/',
  preBackup: 'pre.hook.backup.velero.io/',
  postBackup: 'post.hook.backup.velero.io/',
  postRestore: 'post.hook.restore.velero.io/',
  initRestore: 'init.hook.restore.velero.io/',
} as const

/** Finalizers that we and Velero put on our own kinds and on VolumeSnapshotContents. */
export const finalizerNames = {
  restore: 'restores.velero.io/external-resources-finalizer',
  dataUploadDownload: 'velero.io/data-upload-download-finalizer',
  podVolume: 'velero.io/pod-volume-finalizer',
  volumeSnapshotContent: 'velero.io/volume-snapshot-content-protect-finalizer',
} as const

/** The label value that stands for `name`: itself up to 63 characters, else its first 57 and 6 hex digits of its SHA-256, as Velero does. */
export function labelValue(name: string): string {
  if (name.length <= 63) return name
  return name.slice(0, 57) + createHash('sha256').update(name).digest('hex').slice(0, 6)
}
