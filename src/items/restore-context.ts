import type { InitContainers } from './restore-actions/init-hook.ts'
import type { ModifierRule } from './modifier-rules.ts'
import type { SnapshotContext } from './restore-actions/csi-snapshot.ts'
import type { VolumeDecision } from './volume-decision.ts'

/** One mapping rule of Velero's change-image-name ConfigMap: every `from` in an image becomes `to`. */
export interface ImageRule {
  readonly from: string
  readonly to: string
}

/** Which StorageClass takes the place of which. */
export interface StorageClassRules {
  readonly mapping: Readonly<Record<string, string>>
  /** Those in the target cluster; it grows as the restore makes more. */
  readonly existing: ReadonlySet<string>
}

/** What a user wants of an action; with a problem, every object that the action looks at fails. */
export type ActionSetting<T> = { readonly is: T } | { readonly problem: string }

/** What restoring one object depends on besides the object. The same for all objects of a restore. */
export interface RestoreContext {
  readonly backupName: string
  readonly restoreName: string
  readonly namespaceMapping?: Readonly<Record<string, string>> | undefined
  readonly preserveNodePorts?: boolean | undefined
  /** By the name a PersistentVolume has in the backup (`decideVolume`); a volume that the restore leaves out is not in it. */
  readonly volumes: ReadonlyMap<string, VolumeDecision>
  /** Names of PersistentVolumes in the cluster, by those in the archive, where they differ; it grows as the restore makes some. */
  readonly renamedVolumes?: ReadonlyMap<string, string> | undefined
  /** Absent when the backup has no CSI snapshots. */
  readonly snapshots?: SnapshotContext | undefined
  /** `namespace/name` of the ServiceAccounts that live in the target cluster. */
  readonly liveServiceAccounts: ReadonlySet<string>
  /** Absent when nobody configured it. */
  readonly storageClasses?: ActionSetting<StorageClassRules> | undefined
  /** Absent when nobody configured it. */
  readonly imageRules?: ActionSetting<readonly ImageRule[]> | undefined
  /** The rules of `spec.resourceModifier`. */
  readonly modifiers?: readonly ModifierRule[] | undefined
  /** Of the spec's hooks; absent when there are none. */
  readonly initContainers?: InitContainers | undefined
  /** Whether objects of a type get their status back (`restoresStatus`). */
  readonly restoresStatus: (resource: string) => boolean
}
