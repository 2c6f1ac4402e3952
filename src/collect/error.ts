import type { ResourceType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'

/** Closed: callers switch over it. */
export type CollectProblem = 'forbidden' | 'cluster'

/** Why a cluster cannot be collected at all. What befalls a single type is in the readings. */
export class CollectError extends Error {
  override readonly name = 'CollectError'
  readonly problem: CollectProblem
  constructor(problem: CollectProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
}

/** One list the API server would not allow. */
export interface Refusal {
  type: ResourceType
  /** Undefined when the list was cluster-wide. */
  namespace: string | undefined
}

/** 'forbidden', with every refused type by name, sorted, and what would help. */
export function forbiddenError(refusals: readonly Refusal[]): CollectError {
  const names = [...new Set(refusals.map(refusedName))].sort()
  const listed = names.length === 1 ? names[0] : `${names.length} types: ${names.join(', ')}`
  return new CollectError(
    'forbidden',
    `no permission to list ${listed}; bind a role that allows the verb "list" on them to the user of this kubeconfig ` +
      'or service account, or leave them out with --exclude-resources',
  )
}

function refusedName({ type, namespace }: Refusal): string {
  return namespace === undefined ? resourceName(type) : `${resourceName(type)} in namespace ${namespace}`
}
