// selection/ decides which objects a backup or a restore takes, and says why not. It is pure: specs, types and namespaces come
// in as values. It must never know how objects are read, written or stored.
import type { LabelSelector } from '#api/fields.ts'
import { labelKeys } from '#api/labels.ts'
import {
  Namespaces,
  type Item,
  type KubeObject,
  type ObjectMeta,
  type ResourceType,
  type ServedType,
  metadataOf,
  resourceName,
} from '#kube/object.ts'
import type { BackupFilters } from './backup-filters.ts'
import { defaultBackupFilters } from './backup-filters.ts'
import { SelectionError } from './error.ts'
import { matchesSelector, selectorProblems } from './label-selector.ts'
import type { NamespaceScope } from './namespace-scope.ts'
import { compileNamespaceScope, labelledOutNamespaces } from './namespace-scope.ts'
import type { IncludeExcludePolicy } from './resource-policies.ts'
import { questionableNames } from './questionable-names.ts'
import type { TypeRules, TypeSkipReason } from './type-rules.ts'
import {
  compileTypeRules,
  filterReason,
  inherentReason,
  listingOrder,
  relatedFilterReason,
  sharedObjects,
} from './type-rules.ts'

/** What the cluster offers at the moment of the backup. Namespace objects may be cut down to metadata and status. */
export interface ClusterView {
  types: readonly ServedType[]
  namespaces: readonly KubeObject[]
}

/**
 * Everything a backup's decisions need; made by `compileBackupScope`, read through the questions of this file.
 * `everyNamespace`: one list over all namespaces gives exactly what is wanted. `missingNamespaces`: asked for by name and not
 * there, an error each (spec/backup §3.6).
 */
export interface BackupScope extends NamespaceScope {
  /** The types to list, in the order of spec/backup §2; Namespaces are among them if they are taken. */
  readonly types: readonly ServedType[]
  /** One list call each, results united; empty means no selector. Not for Namespaces nor for related items. */
  readonly selectors: readonly LabelSelector[]
  /** Names in the filters to which no served type answers, as the user wrote them, in name order: a warning. */
  readonly unknownResources: readonly string[]
  /** Names of known types in lists for the other scope, where they do nothing; in name order: a warning. */
  readonly misplacedResources: readonly string[]
  /** For this room only. */
  readonly rules: TypeRules
  /** For this room only: why each served type is not listed, by `apiVersion/plural`. */
  readonly typeReasons: ReadonlyMap<string, TypeSkipReason | undefined>
}

/** Why an object stays out of a backup. */
export type SkipReason =
  | TypeSkipReason
  | 'labelled-out'
  | 'being-deleted'
  | 'namespace-left-out'
  | 'selector-mismatch'
  | 'namespace-not-active'
  | 'namespace-without-selected-items'

/**
 * How an item came: found by a list; pulled in by another item (`relatedItems`), to which looser rules apply (spec/backup §3.7); or
 * demanded by an item action that insists on it, whatever the filters say.
 */
export type Origin = 'listed' | 'related' | 'demanded'

/** Whether objects of a type are listed. */
export type TypeDecision = { take: true } | { take: false; reason: TypeSkipReason }

/** What else decides about a backup besides its filters. */
export interface ScopeOptions {
  /** List every served version of a type, not only the preferred one (Velero's feature EnableAPIGroupVersions, spec/backup §2). */
  everyVersion?: boolean | undefined
  /** Joins the scoped filters, which win; nothing to old filters, with which validation refuses it (spec/backup §3.3). */
  policy?: IncludeExcludePolicy | undefined
}

/** Compiles valid filters for one cluster; what `defaultBackupFilters` adds is added here if it is not there yet. Throws SelectionError for a selector that is none. */
export function compileBackupScope(
  filters: BackupFilters,
  cluster: ClusterView,
  options: ScopeOptions = {},
): BackupScope {
  const whole = defaultBackupFilters(filters, labelledOutNamespaces(cluster.namespaces))
  const namespaceScope = compileNamespaceScope(whole, cluster.namespaces)
  const { everyNamespace } = namespaceScope
  const rules = compileTypeRules(whole, { types: cluster.types, everyNamespace, policy: options.policy })
  const typeReasons = compileTypeReasons(cluster.types, rules, options.everyVersion ?? false)
  return {
    ...namespaceScope,
    ...questionableNames({ ...filters, policy: options.policy }, cluster.types),
    types: listingOrder(cluster.types).filter((type) => typeReasons.get(typeKey(type)) === undefined),
    selectors: selectorsOf(whole),
    rules,
    typeReasons,
  }
}

/** Of groups that show the same objects, the first that the filters take is listed, in all its versions. */
function compileTypeReasons(
  types: readonly ServedType[],
  rules: TypeRules,
  everyVersion: boolean,
): Map<string, TypeSkipReason | undefined> {
  const reasons = new Map<string, TypeSkipReason | undefined>()
  const seen = new Map<string, string>()
  for (const type of listingOrder(types)) {
    const shared = sharedObjects(type)
    let reason = inherentReason(type, everyVersion) ?? filterReason(rules, type)
    if (reason === undefined && shared !== undefined) {
      if ((seen.get(shared) ?? type.group) === type.group) seen.set(shared, type.group)
      else reason = 'seen-under-other-group'
    }
    reasons.set(typeKey(type), reason)
  }
  return reasons
}

/** Whether objects of `type` are listed for this backup. */
export function takesType(scope: BackupScope, type: ResourceType): TypeDecision {
  const key = typeKey(type)
  const reason = scope.typeReasons.has(key) ? scope.typeReasons.get(key) : 'not-served'
  return reason === undefined ? { take: true } : { take: false, reason }
}

/** Says why `item` stays out of the backup; undefined means it goes in. For Namespaces ask `namespaceSkipReason`. */
export function skipReason(item: Item, scope: BackupScope, origin: Origin = 'listed'): SkipReason | undefined {
  const metadata = metadataOf(item)
  const own = ownReason(metadata)
  if (origin === 'demanded') return own === 'being-deleted' ? own : undefined
  if (own !== undefined) return own
  const ofType = origin === 'listed' ? listedTypeReason(scope, item.type) : relatedFilterReason(scope.rules, item.type)
  if (ofType !== undefined) return ofType
  if (item.namespace !== undefined && !takesNamespace(scope, item.namespace)) return 'namespace-left-out'
  if (origin === 'listed' && !selects(scope, metadata)) return 'selector-mismatch'
  return undefined
}

/**
 * Says why a Namespace object stays out (spec/backup §3.6). `hasItems`: whether at least one listed item of the namespace goes
 * in; matters only when there is a selector. Unlike in Velero, a namespace that the filters leave out stays out even if its
 * labels match the selector: nobody asked for an empty shell of it.
 */
export function namespaceSkipReason(
  namespace: KubeObject,
  scope: BackupScope,
  hasItems: boolean,
): SkipReason | undefined {
  const own = ownReason(namespace.metadata) ?? listedTypeReason(scope, Namespaces)
  if (own !== undefined) return own
  if (phaseOf(namespace) !== 'Active') return 'namespace-not-active'
  if (!takesNamespace(scope, namespace.metadata.name)) return 'namespace-left-out'
  // With a selector over all namespaces, those it does not touch would come back as empty shells.
  if (selects(scope, namespace.metadata) || !scope.everyNamespace || hasItems) return undefined
  return 'namespace-without-selected-items'
}

/** True when the CRDs of the types with at least one item have to be fetched besides what is listed (spec/backup §4.5). */
export function takesCrdsOfItems(scope: BackupScope): boolean {
  const decision = takesType(scope, crdType)
  return !decision.take && decision.reason !== 'not-served' && relatedFilterReason(scope.rules, crdType) === undefined
}

const crdType: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}

function typeKey(type: ResourceType): string {
  return `${type.version}/${resourceName(type)}`
}

function selectorsOf(filters: BackupFilters): LabelSelector[] {
  const { labelSelector, orLabelSelectors } = filters
  const selectors = labelSelector ? [labelSelector] : (orLabelSelectors ?? [])
  // An operator that is passed over would select too much, and a server that refuses it would cost every type.
  const [problem] = selectors.flatMap(selectorProblems)
  if (problem !== undefined) throw new SelectionError('bad-selector', `label selector of the backup: ${problem}`)
  return selectors
}

function listedTypeReason(scope: BackupScope, type: ResourceType): TypeSkipReason | undefined {
  const decision = takesType(scope, type)
  return decision.take ? undefined : decision.reason
}

function ownReason({ deletionTimestamp, labels }: ObjectMeta): SkipReason | undefined {
  if (deletionTimestamp !== undefined) return 'being-deleted'
  return labels?.[labelKeys.excludeFromBackup] === 'true' ? 'labelled-out' : undefined
}

// A namespace made after the scope was compiled belongs to a backup of everything, and to no other.
function takesNamespace(scope: BackupScope, namespace: string): boolean {
  return scope.everyNamespace || scope.wantedNamespaces.has(namespace)
}

function selects(scope: BackupScope, { labels }: ObjectMeta): boolean {
  if (scope.selectors.length === 0) return true
  return scope.selectors.some((selector) => matchesSelector(selector, labels))
}

function phaseOf(namespace: KubeObject): unknown {
  const status = namespace['status']
  return typeof status === 'object' && status !== null && 'phase' in status ? status.phase : 'Active'
}
