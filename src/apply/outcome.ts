// apply/ puts objects into a cluster: in waves, in parallel as far as the API server bears it, without harming what is
// already there. It must never know backups, archives or the Restore kind.

/** What became of one object; the words of Velero's restore resource list (spec/object-store §7). */
export type Action = 'created' | 'updated' | 'skipped' | 'failed'

/** A sentence for the results; the outcome it belongs to says about which object. */
export interface Remark {
  severity: 'warning' | 'error'
  message: string
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
  /** False for an object that was not meant at all. */
  counts: boolean
}
