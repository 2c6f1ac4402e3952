import type { KubeObject } from '#kube/object.ts'

/** What to do with an object that is there already (spec/restore §6.1). Patches are JSON merge patches. */
export type ExistingDecision =
  | { do: 'nothing'; because: 'equal' }
  /** Not equal, and the policy says to leave it: `message` is Velero's warning. */
  | { do: 'warn'; message: string }
  | {
      do: 'patch'
      because: 'service-account' | 'policy-update'
      patch: Record<string, unknown>
      labelsOnly: Record<string, unknown>
    }
  /** Equal; under policy update the labels of backup and restore still go on. */
  | { do: 'label'; patch: Record<string, unknown> }

/** Whether `live` (as read from the cluster) is what `desired` (from `prepareForRestore`) would make of it. */
export function sameObject(_live: KubeObject, _desired: KubeObject): boolean {
  throw new Error('being written')
}

/** Decides about one existing object. `policy` is `spec.existingResourcePolicy`; empty and `none` mean the same but are worded differently. */
export function decideExisting(_options: {
  live: KubeObject
  desired: KubeObject
  policy: string | undefined
}): ExistingDecision {
  throw new Error('being written')
}

/** The merge patch that adds to a live ServiceAccount what the archived one has more; undefined when there is nothing to add. */
export function mergeServiceAccount(_live: KubeObject, _archived: KubeObject): Record<string, unknown> | undefined {
  throw new Error('being written')
}
