import type { ResourceType, ServedType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import type { BackupFilters } from './backup-filters.ts'
import { filterStyle } from './backup-filters.ts'
import type { NameList } from './name-list.ts'
import { includes, nameList } from './name-list.ts'
import type { IncludeExcludePolicy } from './resource-policies.ts'
import { canonicalResource } from './resource-names.ts'

/** Why objects of a type are not listed. */
export type TypeSkipReason =
  | 'not-served'
  | 'cannot-be-backed-up'
  | 'not-preferred'
  | 'seen-under-other-group'
  | 'type-excluded'
  | 'type-not-included'
  | 'cluster-scope-left-out'

interface Lists {
  readonly included: NameList
  readonly excluded: NameList
}

/** A backup's resource filters, compiled. */
export type TypeRules =
  | ({
      readonly style: 'old'
      readonly clusterScope: boolean | undefined
      readonly everyNamespace: boolean
    } & Lists)
  | { readonly style: 'scoped'; readonly namespaced: Lists; readonly cluster: Lists }

/** Compiles defaulted resource filters; `types` serve to understand short names. `policy` joins scoped filters only. */
export function compileTypeRules(
  filters: BackupFilters,
  options: {
    types: readonly ServedType[]
    everyNamespace: boolean
    policy?: IncludeExcludePolicy | undefined
  },
): TypeRules {
  const { types, everyNamespace, policy } = options
  const resolve = (names: readonly string[] | null | undefined): string[] =>
    (names ?? []).map((name) => canonicalResource(name, types))
  if (filterStyle(filters) === 'old') {
    return {
      style: 'old',
      clusterScope: filters.includeClusterResources ?? undefined,
      everyNamespace,
      included: nameList(resolve(filters.includedResources)),
      excluded: nameList(resolve(filters.excludedResources)),
    }
  }
  return {
    style: 'scoped',
    namespaced: joined(
      resolve(filters.includedNamespaceScopedResources),
      resolve(filters.excludedNamespaceScopedResources),
      {
        included: resolve(policy?.includedNamespaceScopedResources),
        excluded: resolve(policy?.excludedNamespaceScopedResources),
      },
    ),
    cluster: joined(resolve(filters.includedClusterScopedResources), resolve(filters.excludedClusterScopedResources), {
      included: resolve(policy?.includedClusterScopedResources),
      excluded: resolve(policy?.excludedClusterScopedResources),
    }),
  }
}

/** The lists of the spec and what the policy adds: its excludes, then its includes, each only if no entry so far fits it. */
function joined(
  included: readonly string[],
  excluded: readonly string[],
  policy: { included: readonly string[]; excluded: readonly string[] },
): Lists {
  const lists = { included: nameList(included), excluded: nameList(excluded) }
  const isOpen = (name: string): boolean => !lists.included.matches(name) && !lists.excluded.matches(name)
  for (const name of policy.excluded) {
    if (isOpen(name)) lists.excluded = nameList([...lists.excluded.entries, name])
  }
  for (const name of policy.included) {
    if (isOpen(name)) lists.included = nameList([...lists.included.entries, name])
  }
  return lists
}

/** Why the filters leave out objects of `type` that a list would find (spec/backup §3.2, §3.3); undefined when they do not. */
export function filterReason(rules: TypeRules, type: ResourceType): TypeSkipReason | undefined {
  const name = resourceName(type)
  if (rules.style === 'old') {
    if (!type.namespaced && rules.clusterScope === false) return 'cluster-scope-left-out'
    // Part of a cluster without a word about cluster scope: what belongs to that part comes as related items.
    const partial = rules.clusterScope === undefined && !rules.everyNamespace
    if (!type.namespaced && partial && name !== 'namespaces') return 'cluster-scope-left-out'
    return listReason(rules, name)
  }
  if (type.namespaced) return listReason(rules.namespaced, name)
  if (rules.cluster.excluded.matches(name)) return 'type-excluded'
  // Velero takes all cluster-scoped types only if both lists are empty, which the CSI default makes impossible (spec/backup §3.4).
  return name === 'namespaces' || rules.cluster.included.matches(name) ? undefined : 'type-not-included'
}

/** Why the filters keep out a related item of `type` (spec/backup §3.7): a cluster-scoped one need not be included, only not excluded. */
export function relatedFilterReason(rules: TypeRules, type: ResourceType): TypeSkipReason | undefined {
  if (type.namespaced) return filterReason(rules, type)
  const name = resourceName(type)
  if (rules.style === 'scoped') return rules.cluster.excluded.matches(name) ? 'type-excluded' : undefined
  if (rules.excluded.matches(name)) return 'type-excluded'
  if (rules.clusterScope === false) return 'cluster-scope-left-out'
  if (rules.clusterScope === undefined && !includes(rules.included, name)) return 'type-not-included'
  return undefined
}

function listReason(lists: Lists, name: string): TypeSkipReason | undefined {
  if (lists.excluded.matches(name)) return 'type-excluded'
  return includes(lists.included, name) ? undefined : 'type-not-included'
}

const neededVerbs = ['list', 'create', 'get', 'delete']

/** Why no backup can take objects of `type`, whatever the filters; undefined when it can. With `everyVersion` it need not be the preferred one. */
export function inherentReason(type: ServedType, everyVersion = false): TypeSkipReason | undefined {
  if (type.plural.includes('/')) return 'cannot-be-backed-up'
  if (!neededVerbs.every((verb) => type.verbs.includes(verb))) return 'cannot-be-backed-up'
  return type.preferred || everyVersion ? undefined : 'not-preferred'
}

/** The types in the order in which a backup lists them: as discovered, group `extensions` last, and of the core group pods, claims and volumes first (spec/backup §2). */
export function listingOrder(types: readonly ServedType[]): ServedType[] {
  return types.toSorted((a, b) => listingRank(a) - listingRank(b))
}

const coreFirst = ['pods', 'persistentvolumeclaims', 'persistentvolumes']

function listingRank(type: ServedType): number {
  if (type.group === 'extensions') return coreFirst.length + 2
  if (type.group !== '') return coreFirst.length + 1
  const place = coreFirst.indexOf(type.plural)
  return place < 0 ? coreFirst.length : place
}

const cohabiting: Readonly<Record<string, readonly string[]>> = {
  deployments: ['extensions', 'apps'],
  daemonsets: ['extensions', 'apps'],
  replicasets: ['extensions', 'apps'],
  networkpolicies: ['extensions', 'networking.k8s.io'],
  events: ['', 'events.k8s.io'],
}

/** The same word for all types that show the same objects under different groups; undefined for the many that do not. */
export function sharedObjects(type: ResourceType): string | undefined {
  return cohabiting[type.plural]?.includes(type.group) === true ? type.plural : undefined
}
