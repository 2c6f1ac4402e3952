import type { KubeObject } from '#kube/object.ts'
import type { VolumeDecision } from './restore-step.ts'

/** The fields of a volumeinfo entry that decide (spec/object-store §11). */
export interface VolumeInfo {
  backupMethod?: string | undefined
  skipped?: boolean | undefined
}

/** Whether a PersistentVolume is restored as it was or its claim gets a new one (spec/restore §8.1). */
export function decideVolume(_volume: KubeObject, _info: VolumeInfo | undefined): VolumeDecision {
  throw new Error('being written')
}
