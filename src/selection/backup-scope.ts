// selection/ decides which objects a backup or a restore takes, and says why not. It is pure: specs, types and namespaces come
// in as values. It must never know how objects are read, written or stored.
import type { LabelSelector } from '#api/fields.ts'
import type { BackupSpec } from '#api/backup.ts'
import type { Item, KubeObject, ResourceType, ServedType } from '#kube/object.ts'

/** The filters of a backup. */
export type BackupFilters = Pick<
  BackupSpec,
  | 'includedNamespaces'
  | 'excludedNamespaces'
  | 'includedResources'
  | 'excludedResources'
  | 'includeClusterResources'
  | 'includedClusterScopedResources'
  | 'excludedClusterScopedResources'
  | 'includedNamespaceScopedResources'
  | 'excludedNamespaceScopedResources'
  | 'labelSelector'
  | 'orLabelSelectors'
>

/** What the cluster offers at the moment of the backup. Namespace objects may be cut down to name, labels, annotations, status. */
export interface ClusterView {
  types: readonly ServedType[]
  namespaces: readonly KubeObject[]
}

/** Everything a backup's decisions need; made by `compileBackupScope`, read through the questions of this file. */
export interface BackupScope {
  /** The types to list, in the order of spec/backup §2; Namespaces are among them if they are taken. */
  readonly types: readonly ServedType[]
  /** True when no namespace is left out, so one list over all namespaces gives exactly what is wanted. */
  readonly everyNamespace: boolean
  /** Existing namespaces whose items are wanted, in name order. */
  readonly namespaces: readonly string[]
  /** Namespaces that were asked for by name and do not exist: an error each (spec/backup §3.6). */
  readonly missingNamespaces: readonly string[]
  /** One list call each, results united; empty means no selector. Not for Namespaces nor for related items. */
  readonly selectors: readonly LabelSelector[]
}

/** Why objects of a type are not listed. */
export type TypeSkipReason =
  | 'not-served'
  | 'cannot-be-backed-up'
  | 'not-preferred'
  | 'seen-under-other-group'
  | 'type-excluded'
  | 'type-not-included'
  | 'cluster-scope-left-out'

/** Why an object stays out of a backup. */
export type SkipReason =
  | TypeSkipReason
  | 'labelled-out'
  | 'being-deleted'
  | 'namespace-left-out'
  | 'selector-mismatch'
  | 'namespace-not-active'
  | 'namespace-without-selected-items'

/** How an item came: found by a list, or pulled in by another item (`relatedItems`), to which looser rules apply (spec/backup §3.7). */
export type Origin = 'listed' | 'related'

/** Compiles defaulted filters (`defaultBackupFilters`) for one cluster. */
export function compileBackupScope(_filters: BackupFilters, _cluster: ClusterView): BackupScope {
  throw new Error('being written')
}

/** Whether objects of `type` are listed for this backup. */
export function takesType(
  _scope: BackupScope,
  _type: ResourceType,
): { take: true } | { take: false; reason: TypeSkipReason } {
  throw new Error('being written')
}

/** Says why `item` stays out of the backup; undefined means it goes in. For Namespaces ask `namespaceSkipReason`. */
export function skipReason(_item: Item, _scope: BackupScope, _origin: Origin = 'listed'): SkipReason | undefined {
  throw new Error('being written')
}

/** Says why a Namespace object stays out. `hasItems`: whether at least one listed item of the namespace goes in; matters only when there is a selector. */
export function namespaceSkipReason(
  _namespace: KubeObject,
  _scope: BackupScope,
  _hasItems: boolean,
): SkipReason | undefined {
  throw new Error('being written')
}

/** True when the CRDs of the types with at least one item have to be fetched besides what is listed (spec/backup §4.5). */
export function takesCrdsOfItems(_scope: BackupScope): boolean {
  throw new Error('being written')
}
