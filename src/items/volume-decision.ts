import type { KubeObject } from '#kube/object.ts'
import { objectOf } from './json.ts'

/**
 * What is to become of a PersistentVolume of the backup: made as it was, left to be provisioned anew for its claim, or made
 * from the provider's snapshot (its old volume must not come back: it may be gone or in use).
 */
export type VolumeDecision = 'as-is' | 'provision-anew' | 'from-native-snapshot'

/** The field of a volumeinfo entry that decides (spec/object-store §11); empty or absent: the volume's data were not backed up. */
export interface VolumeInfo {
  backupMethod?: string | undefined
}

/** What besides the volume decides about it. */
export interface VolumeFacts {
  /** Undefined when the backup has no entry for it. */
  readonly info: VolumeInfo | undefined
  /** `spec.restorePVs`; false: nothing is made from snapshots. */
  readonly restorePVs?: boolean | null | undefined
}

/** Whether a PersistentVolume is restored as it was or its claim gets a new one (spec/restore §8.1). */
export function decideVolume(volume: KubeObject, { info, restorePVs }: VolumeFacts): VolumeDecision {
  switch (info?.backupMethod ?? '') {
    case 'NativeSnapshot':
      // The user says that the old volume is to be used.
      return restorePVs === false ? 'as-is' : 'from-native-snapshot'
    case 'PodVolumeBackup':
    case 'CSISnapshot':
      return 'provision-anew'
    default:
      // A volume that dies with its claim is dead by the time of a restore.
      return objectOf(volume['spec'])?.['persistentVolumeReclaimPolicy'] === 'Delete' ? 'provision-anew' : 'as-is'
  }
}
