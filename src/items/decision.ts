import type { KubeObject } from '#kube/object.ts'
import { type ExistingDecision, type OwnRestore, decideExisting, madeByRestore } from './existing.ts'

/** What is to be done with one object, by a preview as by the run itself. */
export type ObjectDecision =
  | { do: 'create' }
  /** This restore made it in a run that was cut off: only what comes after the creation is left to do. */
  | { do: 'finish' }
  | ExistingDecision

/** Everything the decision on one object rests on. */
export interface DecisionFacts {
  /** Undefined when it is not in the cluster. */
  readonly live: KubeObject | undefined
  /** From `prepareForRestore`. */
  readonly desired: KubeObject
  /** `spec.existingResourcePolicy`. */
  readonly policy: string | undefined
  /** Set when an earlier run of this restore was cut off. */
  readonly resumes: OwnRestore | undefined
}

/** Decides what becomes of one object. */
export function decideObject({ live, desired, policy, resumes }: DecisionFacts): ObjectDecision {
  if (live === undefined) return { do: 'create' }
  if (resumes !== undefined && madeByRestore(live, resumes)) return { do: 'finish' }
  return decideExisting({ live, desired, policy })
}
