// apply/ puts prepared objects into a cluster: in waves, in parallel as far as the API server bears it, without harming
// what is already there. It must never know backups, archives or the Restore kind.
import type { ResourceType } from '#kube/object.ts'

/** What became of one object; the words of Velero's restore resource list (spec/object-store §7). */
export type Action = 'created' | 'updated' | 'skipped' | 'failed'

/** A sentence for the results: `namespace` undefined means cluster scope. */
export interface Remark {
  severity: 'warning' | 'error'
  namespace: string | undefined
  message: string
}

/** The end of one object's way. `action` is undefined when nothing was to be done with it (left out on purpose). */
export interface Outcome {
  type: ResourceType
  /** Where it went, after namespace mapping. */
  namespace: string | undefined
  name: string
  action: Action | undefined
  remarks: readonly Remark[]
}
