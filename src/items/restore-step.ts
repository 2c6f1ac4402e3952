// items/ holds the steps on one object: what belongs to it, what is taken off, changed or put on, and in which order types go.
// It is pure: facts from elsewhere are arguments. It must never know how objects are read, written or stored.
import type { KubeObject } from '#kube/object.ts'
import type { ItemRef } from './item-ref.ts'

/** What is to become of a PersistentVolume of the backup. */
export type VolumeDecision = 'as-is' | 'provision-anew'

/** One mapping rule of Velero's change-image-name ConfigMap: every `from` in an image becomes `to`. */
export interface ImageRule {
  from: string
  to: string
}

/** What restoring one object depends on besides the object. The same for all objects of a restore. */
export interface RestoreContext {
  backupName: string
  restoreName: string
  namespaceMapping?: Readonly<Record<string, string>> | undefined
  preserveNodePorts?: boolean | undefined
  /** By the name a PersistentVolume has in the backup (`decideVolume`); a volume that is not in it is not restored and changes nothing. */
  volumes: ReadonlyMap<string, VolumeDecision>
  /** `namespace/name` of the ServiceAccounts in the target cluster, in unmapped namespaces. */
  liveServiceAccounts: ReadonlySet<string>
  /** Old StorageClass → new one; absent means no such ConfigMap. */
  storageClasses?: Readonly<Record<string, string>> | undefined
  imageRules?: readonly ImageRule[] | undefined
  /** Whether objects of a type get their status back (`restoresStatus`). */
  restoresStatus: (resource: string) => boolean
}

/** An object of the archive on its way into the cluster. */
export interface RestoreItem {
  /** `pods`, `deployments.apps`. */
  resource: string
  object: KubeObject
}

/** Why an object that was selected is not restored all the same. */
export type RestoreStepSkip =
  | 'finished'
  | 'mirror-pod'
  | 'provisioned-anew'
  | 'token-of-live-service-account'
  | 'automanaged-api-service'

/** What to do with an archived object. */
export type Prepared =
  | {
      do: 'create'
      /** In its target namespace, with the labels of backup and restore. */
      object: KubeObject
      /** To be written after the creation; absent when it is not to be restored. */
      status?: unknown
      /** Restored before this one even when filters leave them out; namespaces as in the archive. */
      related: ItemRef[]
    }
  | { do: 'skip'; reason: RestoreStepSkip }

/** What to send to the API server for one archived object (spec/restore §6, steps 2, 4-8 and 10). `item.object` is not changed. */
export function prepareForRestore(_item: RestoreItem, _context: RestoreContext): Prepared {
  throw new Error('being written')
}

/** A Namespace to be made for `name`: the archived object of its source namespace made anew, or a bare one (spec/restore §5). No labels are added. */
export function prepareNamespace(_name: string, _archived: KubeObject | undefined): KubeObject {
  throw new Error('being written')
}
