import type { ServedType } from '#kube/object.ts'
import type { BackupScope } from '#selection/backup-scope.ts'
import { formatSelector } from '#selection/label-selector.ts'
import type { ListRequest } from './list.ts'

/** All lists that give the objects of one type; with several selectors an object may come more than once. */
export interface TypePlan {
  readonly type: ServedType
  readonly requests: readonly ListRequest[]
}

/**
 * With few namespaces wanted, one list per namespace reads less and asks for less permission; with many, one list of the whole
 * type and leaving out what is not wanted is cheaper: a list costs about as much as reading 50 objects.
 */
const FEW_NAMESPACES = 16

/** The lists to make for a backup with `scope` of a cluster with so many namespaces. Namespaces are not among them: whether one goes in may depend on what is in it. */
export function planLists(scope: BackupScope, namespacesInCluster: number): TypePlan[] {
  const selectors = scope.selectors.length === 0 ? [undefined] : scope.selectors.map(formatSelector)
  const places = listPlaces(scope, namespacesInCluster)
  return scope.types
    .filter((type) => !isNamespaces(type))
    .map((type) => ({
      type,
      requests: (type.namespaced ? places : [undefined]).flatMap((namespace) =>
        selectors.map((labelSelector) => ({ type, namespace, labelSelector: labelSelector || undefined })),
      ),
    }))
}

/** Whether `type` is the core type Namespace. */
export function isNamespaces(type: { readonly group: string; readonly plural: string }): boolean {
  return type.group === '' && type.plural === 'namespaces'
}

function listPlaces(scope: BackupScope, namespacesInCluster: number): readonly (string | undefined)[] {
  // No cluster is without namespaces: they could not be listed, and all that is left to find out is what else may not be.
  if (namespacesInCluster === 0) return [undefined]
  const wanted = scope.namespaces.length
  const few = wanted <= FEW_NAMESPACES && wanted * 2 <= namespacesInCluster
  return wanted === 0 || (few && !scope.everyNamespace) ? scope.namespaces : [undefined]
}
