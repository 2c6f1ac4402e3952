import type { GitOpsOwner } from '#items/gitops.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import type { Because, Remark } from './outcome.ts'

/** One object to put into the cluster, still unread. Small, since all tasks of a run are in memory at once. */
export interface Task {
  /** `deployments.apps`. */
  readonly resource: string
  /** Target namespace; undefined for cluster scope. */
  readonly namespace: string | undefined
  readonly name: string
  /** Reads the object and makes it ready for the target. Called at most once, when its wave has come; a rejection fails this object only. */
  prepare(): Promise<Prepared>
}

/** What is to be done with an object, decided when its turn comes. */
export type Prepared =
  | {
      do: 'create'
      type: ResourceType
      /** As it shall be created: target name and namespace, no server-made metadata. */
      object: KubeObject
      /** Written through the status subresource after the object was created. */
      status?: unknown
      /** Must be there before this object; may be done already or part of another wave. */
      related: readonly Task[]
      /** Whether a live object is what this one would be; absent where Velero's comparison decides. */
      isSame?: ((live: KubeObject) => boolean) | undefined
      keptByGit?: GitOpsOwner | undefined
      /** Called when the related are done: waits until this object may follow. Gives what is to be said about that. */
      ready?: (() => Promise<readonly Remark[]>) | undefined
      remarks: readonly Remark[]
    }
  | Leaving
  /** It cannot be made ready; `failed` is what was looked at. */
  | { do: 'fail'; failed: KubeObject; reason: string }

/** Nothing is to be done. */
export interface Leaving {
  do: 'leave'
  /** What was looked at; absent for an object that was not meant at all. */
  skipped?: KubeObject
  because?: Because
  keptByGit?: GitOpsOwner | undefined
  remarks: readonly Remark[]
}

/** Tasks that do not depend on each other, in the order in which they shall be started. */
export type Wave = readonly Task[]
