import type { RestoreSpec } from '#api/restore.ts'
import type { ServedType } from '#kube/object.ts'
import type { Origin } from './backup-scope.ts'
import type { Labels } from './label-selector.ts'

/** The part of a Restore's spec that selects. */
export type RestoreFilters = Pick<
  RestoreSpec,
  | 'includedNamespaces'
  | 'excludedNamespaces'
  | 'includedResources'
  | 'excludedResources'
  | 'includeClusterResources'
  | 'labelSelector'
  | 'orLabelSelectors'
  | 'namespaceMapping'
  | 'restoreStatus'
>

/** What is known of an object before or after it was read from the archive. */
export interface ArchivedObject {
  /** `pods`, `deployments.apps`. */
  resource: string
  /** In the archive, before mapping; undefined for cluster-scoped objects. */
  namespace: string | undefined
  /** Undefined while the object is not read: then labels are not judged. */
  labels?: Labels
}

/** Everything a restore's decisions need; made by `compileRestoreScope`. */
export interface RestoreScope {
  readonly filters: RestoreFilters
  readonly includedResources: readonly string[]
  readonly excludedResources: readonly string[]
  readonly statusIncluded: readonly string[]
  readonly statusExcluded: readonly string[]
  /** True when no namespace is left out. */
  readonly everyNamespace: boolean
}

/** Why an object of the archive is not restored. */
export type RestoreSkipReason =
  | 'never-restored'
  | 'type-excluded'
  | 'type-not-included'
  | 'namespace-left-out'
  | 'cluster-scope-left-out'
  | 'selector-mismatch'

/** Compiles filters; `types` are those of the target cluster, by which short names are understood. */
export function compileRestoreScope(_filters: RestoreFilters, _types: readonly ServedType[]): RestoreScope {
  throw new Error('being written')
}

/** Says why an archived object is left out; undefined means it is restored. Related items (asked for by another object) meet fewer rules (spec/restore §4). */
export function restoreSkipReason(
  _object: ArchivedObject,
  _scope: RestoreScope,
  _origin: Origin = 'listed',
): RestoreSkipReason | undefined {
  throw new Error('being written')
}

/** The namespace into which objects of `namespace` go. */
export function targetNamespace(_namespace: string, _mapping: Readonly<Record<string, string>> | undefined): string {
  throw new Error('being written')
}

/** Whether the status of objects of this type is restored, as far as the spec says (an object's annotation may overrule it). */
export function restoresStatus(_scope: RestoreScope, _resource: string): boolean {
  throw new Error('being written')
}
