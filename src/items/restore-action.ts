import type { KubeObject } from '#kube/object.ts'
import type { ItemRef } from './item-ref.ts'
import type { RestoreContext } from './restore-context.ts'

/** What an action may look at besides the object as former actions left it. */
export interface RestoreFacts {
  /** The object as it lies in the archive. */
  readonly archived: KubeObject
  /** `pods`, `deployments.apps`. */
  readonly resource: string
  readonly context: RestoreContext
}

/** What an action makes of an object. */
export type ActionResult =
  | { readonly object: KubeObject; readonly related?: readonly ItemRef[] }
  | { readonly skip: 'token-of-live-service-account' | 'automanaged-api-service' | 'snapshot-not-wanted' }
  /** Why the object cannot be restored as the user wants it. */
  | { readonly fail: string }

/** One of Velero's restore item actions (spec/restore §9). `execute` returns a changed copy and leaves its argument alone. */
export interface RestoreAction {
  /** Velero's name for it. */
  readonly name: string
  readonly appliesTo: (resource: string) => boolean
  readonly execute: (object: KubeObject, facts: RestoreFacts) => ActionResult
}
