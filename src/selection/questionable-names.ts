import type { ServedType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import type { BackupFilters } from './backup-filters.ts'
import { compileGlob, isGlob } from './globs.ts'
import type { IncludeExcludePolicy } from './resource-policies.ts'
import { findType } from './resource-names.ts'

/** Names of types in filters that cannot do what their writer meant; each list in name order. */
export interface QuestionableNames {
  /** No served type answers to them: nothing is selected by them. */
  readonly unknownResources: readonly string[]
  /** Types of the other scope in a scoped list, where they select nothing. */
  readonly misplacedResources: readonly string[]
}

type List = readonly string[] | null | undefined

/** Looks for such names in the filters as the user wrote them, before defaults are filled in, and in a policy. */
export function questionableNames(
  filters: BackupFilters & { policy?: IncludeExcludePolicy | undefined },
  types: readonly ServedType[],
): QuestionableNames {
  const { policy } = filters
  const namespaced = [
    ...namesIn(filters.includedNamespaceScopedResources, filters.excludedNamespaceScopedResources),
    ...namesIn(policy?.includedNamespaceScopedResources, policy?.excludedNamespaceScopedResources),
  ]
  const cluster = [
    ...namesIn(filters.includedClusterScopedResources, filters.excludedClusterScopedResources),
    ...namesIn(policy?.includedClusterScopedResources, policy?.excludedClusterScopedResources),
  ]
  const all = [...namesIn(filters.includedResources, filters.excludedResources), ...namespaced, ...cluster]
  const misplaced = (names: readonly string[], scope: boolean): string[] =>
    names.filter((name) => (findType(name, types)?.namespaced ?? scope) !== scope)
  return {
    unknownResources: sorted(all.filter((name) => !isKnown(name, types))),
    misplacedResources: sorted([...misplaced(namespaced, true), ...misplaced(cluster, false)]),
  }
}

/** Defaulting writes these into every Backup, whether or not the cluster has snapshots. */
const neverMeant: ReadonlySet<string> = new Set([
  'volumesnapshots.snapshot.storage.k8s.io',
  'volumesnapshotcontents.snapshot.storage.k8s.io',
])

function namesIn(included: List, excluded: List): string[] {
  return [...(included ?? []), ...(excluded ?? [])].filter((name) => name !== '*' && !neverMeant.has(name))
}

function isKnown(name: string, types: readonly ServedType[]): boolean {
  if (findType(name, types) !== undefined) return true
  return isGlob(name) && types.map(resourceName).some(compileGlob(name))
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].toSorted()
}
