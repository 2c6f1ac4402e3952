// apply/ puts objects into a cluster: in waves, in parallel as far as the API server bears it, without harming what is
// already there. It must never know backups, archives or the Restore kind.

import type { FieldChange } from '#items/diff.ts'
import type { ExistingDecision } from '#items/existing.ts'
import type { ExtraKept } from '#items/extra.ts'
import type { GitOpsOwner } from '#items/gitops.ts'
import type { RestoreStepSkip } from '#items/restore-step.ts'

/** What became of one object; the words of Velero's restore resource list (spec/object-store §7), and two of our own. */
export type Action = 'created' | 'updated' | 'recreated' | 'deleted' | 'skipped' | 'failed'

/** A sentence for the results; the outcome it belongs to says about which object. */
export interface Remark {
  severity: 'warning' | 'error'
  message: string
}

/** Why an object was left as it is, or out. */
export type Because =
  | RestoreStepSkip
  | Extract<ExistingDecision, { do: 'nothing' }>['because']
  | ExtraKept
  | 'kept-after-errors'
  | 'namespace-exists'

/** What a rehearsal says besides what would become of an object. */
export interface Rehearsed {
  /** How the live object would differ afterwards, or how it differs from the archived one where it would stay as it is. */
  readonly changes?: readonly FieldChange[] | undefined
  /** Why the API server could not be asked what it would say. */
  readonly unchecked?: string | undefined
}

/** The end of one object's way. */
export interface Outcome {
  /** `deployments.apps`. */
  resource: string
  /** As created; undefined when the object was not even prepared. */
  kind: { apiVersion: string; kind: string } | undefined
  /** Where it went, after namespace mapping; undefined for cluster scope. */
  namespace: string | undefined
  name: string
  /** Undefined for what was not meant, and for a namespace that is simply there. */
  action: Action | undefined
  remarks: readonly Remark[]
  because?: Because | undefined
  /** Who keeps the archived object by Git; undefined for nobody, or when nobody wanted to know. */
  keptByGit?: GitOpsOwner | undefined
  /** In a rehearsal only. */
  rehearsed?: Rehearsed | undefined
  /** False for an object that was not meant at all. */
  counts: boolean
}
