import type { LabelSelector } from '#api/fields.ts'
import type { RestoreSpec } from '#api/restore.ts'
import type { ServedType } from '#kube/object.ts'
import type { Origin } from './backup-scope.ts'
import type { Labels } from './label-selector.ts'
import { matchesSelector } from './label-selector.ts'
import type { NameList } from './name-list.ts'
import { includes, nameList } from './name-list.ts'
import { canonicalResource } from './resource-names.ts'
import { neverRestored } from './validate.ts'

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
  | 'restoreStatus'
>

/** The types by which names in the filters are understood. */
export interface RestoreTypes {
  /** Of the target cluster. */
  served: readonly ServedType[]
  /** `plural.group` of the types in the archive; some may not be served yet. */
  archived: Iterable<string>
}

/** What is known of an object before or after it was read from the archive. */
export interface ArchivedObject {
  /** `pods`, `deployments.apps`. */
  resource: string
  /** In the archive, before mapping; undefined for cluster-scoped objects. */
  namespace: string | undefined
}

/** Everything a restore's decisions need; made by `compileRestoreScope`, read through the questions of this file. */
export interface RestoreScope {
  /** True when no namespace is left out. */
  readonly everyNamespace: boolean
  /** `spec.includeClusterResources`; undefined: only in a restore of every namespace. */
  readonly clusterScope: boolean | undefined
  readonly selectors: readonly LabelSelector[]
  readonly resources: { readonly included: NameList; readonly excluded: NameList }
  readonly namespaces: { readonly included: NameList; readonly excluded: NameList }
  /** Undefined when no status is to be restored. */
  readonly status: { readonly included: NameList; readonly excluded: NameList } | undefined
}

/** Why an object of the archive is not restored. */
export type RestoreSkipReason =
  | 'never-restored'
  | 'type-excluded'
  | 'type-not-included'
  | 'namespace-left-out'
  | 'cluster-scope-left-out'
  | 'selector-mismatch'

/** Compiles valid filters. Namespace patterns are matched as they are (spec/restore §4). */
export function compileRestoreScope(filters: RestoreFilters, types: RestoreTypes): RestoreScope {
  const known = { served: types.served, archived: [...types.archived] }
  const resources = (names: readonly string[] | null | undefined): NameList =>
    nameList(names?.map((name) => restoredResource(name, known)))
  const included = nameList(filters.includedNamespaces)
  const excluded = nameList(filters.excludedNamespaces)
  const { restoreStatus: status } = filters
  return {
    everyNamespace: excluded.entries.length === 0 && includesAll(included),
    clusterScope: filters.includeClusterResources ?? undefined,
    selectors: filters.labelSelector ? [filters.labelSelector] : (filters.orLabelSelectors ?? []),
    resources: {
      included: resources(filters.includedResources),
      excluded: resources(filters.excludedResources),
    },
    namespaces: { included, excluded },
    status:
      status === undefined || status === null
        ? undefined
        : { included: resources(status.includedResources), excluded: resources(status.excludedResources) },
  }
}

/**
 * Says why an archived object is left out by type or place, which needs no look into it; undefined means it is restored if
 * `restoreSelects` its labels. Related items (asked for by another object) meet fewer rules (spec/restore §4).
 */
export function restoreSkipReason(
  object: ArchivedObject,
  scope: RestoreScope,
  origin: Origin = 'listed',
): RestoreSkipReason | undefined {
  const { resource, namespace } = object
  if (neverRestored.includes(resource)) return 'never-restored'
  const needed = (origin === 'related' ? neededByOthers : alwaysNeeded).includes(resource)
  const { resources, namespaces } = scope
  if (!needed && resources.excluded.matches(resource)) return 'type-excluded'
  if (!needed && !includes(resources.included, resource)) return 'type-not-included'
  if (namespace === undefined) return clusterScopeReason(scope, needed || origin === 'related')
  if (needed || (includes(namespaces.included, namespace) && !namespaces.excluded.matches(namespace))) return undefined
  return 'namespace-left-out'
}

/** Whether the labels of an archived object let it into the restore. Not a question for related items. */
export function restoreSelects(scope: RestoreScope, resource: string, labels: Labels): boolean {
  if (scope.selectors.length === 0 || alwaysNeeded.includes(resource)) return true
  return scope.selectors.some((selector) => matchesSelector(selector, labels))
}

/** The namespace into which objects of `namespace` go. */
export function targetNamespace(namespace: string, mapping: Readonly<Record<string, string>> | undefined): string {
  return mapping !== undefined && Object.hasOwn(mapping, namespace) ? (mapping[namespace] ?? namespace) : namespace
}

/** Whether the status of objects of this type is restored, as far as the spec says (an object's annotation may overrule it). */
export function restoresStatus(scope: RestoreScope, resource: string): boolean {
  if (scope.status === undefined) return false
  return includes(scope.status.included, resource) && !scope.status.excluded.matches(resource)
}

// Without them volumes cannot be brought back, whatever was asked for (spec/restore §4).
const alwaysNeeded: readonly string[] = ['datauploads.velero.io']

// The same, once a claim that comes back has named them: those of other claims stay out, unlike with Velero.
const neededByOthers: readonly string[] = [
  ...alwaysNeeded,
  'volumesnapshots.snapshot.storage.k8s.io',
  'volumesnapshotcontents.snapshot.storage.k8s.io',
]

function includesAll(list: NameList): boolean {
  return list.entries.length === 0 || (list.entries.length === 1 && list.entries[0] === '*')
}

function clusterScopeReason(scope: RestoreScope, asked: boolean): RestoreSkipReason | undefined {
  const takes = scope.clusterScope ?? (asked || scope.everyNamespace)
  return takes ? undefined : 'cluster-scope-left-out'
}

/** `plural.group` of the type that a user means by `name`. A type may come into the cluster only with this restore; then the archive knows its group. */
export function restoredResource(name: string, { served, archived: all }: RestoreTypes): string {
  const archived = [...all]
  const resource = canonicalResource(name, served)
  if (resource !== name || name.includes('.')) return resource
  return archived.find((candidate) => candidate === name) ?? archived.find((c) => c.startsWith(`${name}.`)) ?? name
}
