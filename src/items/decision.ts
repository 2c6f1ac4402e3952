import type { KubeObject } from '#kube/object.ts'
import {
  type ExistingDecision,
  type ExistingFacts,
  type OwnRestore,
  decideExisting,
  madeByRestore,
  updatedByRestore,
} from './existing.ts'
import { gitOpsOwner } from './gitops.ts'

/** What is to be done with one object, by a preview as by the run itself. */
export type ObjectDecision =
  | { do: 'create' }
  /** This restore made it in a run that was cut off: only what comes after the creation is left to do. */
  | { do: 'finish' }
  /** It was there, and this restore changed it in a run that was cut off. */
  | { do: 'updated' }
  | ExistingDecision

/** Everything the decision on one object rests on. */
export interface DecisionFacts extends Omit<ExistingFacts, 'live'> {
  /** Undefined when it is not in the cluster. */
  readonly live: KubeObject | undefined
  /** Set when live objects that are kept by Git are left alone: the names of the Argo CD Applications there are. */
  readonly leavesToGit?: ReadonlySet<string> | undefined
  /** Set when an earlier run of this restore was cut off. */
  readonly resumes: OwnRestore | undefined
}

/** Decides what becomes of one object. */
export function decideObject({ live, resumes, leavesToGit, ...facts }: DecisionFacts): ObjectDecision {
  if (live === undefined) return { do: 'create' }
  if (resumes !== undefined && madeByRestore(live, resumes)) return { do: 'finish' }
  if (leavesToGit !== undefined && gitOpsOwner(live, leavesToGit) !== undefined) {
    return { do: 'nothing', because: 'left-to-git' }
  }
  const decision = decideExisting({ live, ...facts })
  const isDone = decision.do === 'nothing' || decision.do === 'label'
  return isDone && resumes !== undefined && updatedByRestore(live, resumes) ? { do: 'updated' } : decision
}
