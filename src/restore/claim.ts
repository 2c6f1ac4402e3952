import type { Backup } from '#api/backup.ts'
import type { Restore } from '#api/restore.ts'
import { isGlob } from '#selection/globs.ts'
import { includes, nameList } from '#selection/name-list.ts'
import { compileRestoreScope, targetNamespace } from '#selection/restore-scope.ts'

/** The places of the cluster that a restore may write to, as far as its spec and that of its backup say. */
export interface RestoreClaim {
  /** After mapping; undefined when a pattern, or "all", leaves open which they are. */
  readonly namespaces: ReadonlySet<string> | undefined
  /** Whether objects may go into this target namespace. */
  readonly reaches: (namespace: string) => boolean
  /** Cluster-scoped objects for their own sake. Those that a claim or a pod brings along do not count: who comes second finds them there. */
  readonly clusterScope: boolean
}

/** What two restores have in common, so that one has to wait for the other. */
export type ClaimOverlap =
  | { readonly on: 'namespace'; readonly name: string }
  /** Neither says which namespaces it takes. */
  | { readonly on: 'any-namespace' }
  | { readonly on: 'cluster-scope' }

/** The claim of `restore`; without its `backup` whatever the restore's own filters let in. The archive is not looked into. Pure. */
export function restoreClaim({ spec }: Restore, backup: Backup | undefined): RestoreClaim {
  const scope = compileRestoreScope(spec, { served: [], archived: [] })
  const stored = nameList(backup?.spec.includedNamespaces)
  const left = nameList(backup?.spec.excludedNamespaces)
  const { included, excluded } = scope.namespaces
  const takes = (source: string): boolean =>
    includes(included, source) && !excluded.matches(source) && includes(stored, source) && !left.matches(source)
  const mapping = spec.namespaceMapping
  const sources = listed(included.entries) ?? listed(stored.entries)
  const moved = Object.keys(mapping ?? {})
  return {
    namespaces: sources && new Set(sources.filter(takes).map((source) => targetNamespace(source, mapping))),
    reaches: (target) => [target, ...moved].some((one) => takes(one) && targetNamespace(one, mapping) === target),
    clusterScope: (scope.clusterScope ?? scope.everyNamespace) && (backup === undefined || holdsClusterScope(backup)),
  }
}

/** What `a` and `b` have in common; undefined when they may run side by side. Symmetric. Pure. */
export function claimOverlap(a: RestoreClaim, b: RestoreClaim): ClaimOverlap | undefined {
  if (a.namespaces === undefined && b.namespaces === undefined) return { on: 'any-namespace' }
  const [named, other] = a.namespaces === undefined ? [b, a] : [a, b]
  const name = [...(named.namespaces ?? [])].toSorted().find((one) => other.reaches(one))
  if (name !== undefined) return { on: 'namespace', name }
  return a.clusterScope && b.clusterScope ? { on: 'cluster-scope' } : undefined
}

/** The names of a filter that consists of nothing but names. */
function listed(entries: readonly string[]): string[] | undefined {
  const names = entries.filter((entry) => entry !== '')
  return names.length === 0 || names.some(isGlob) ? undefined : names
}

/** Whether a backup took cluster-scoped objects for their own sake (spec/backup §3). */
function holdsClusterScope({ spec }: Backup): boolean {
  if ((spec.includedClusterScopedResources ?? []).length > 0) return true
  if (spec.excludedClusterScopedResources?.includes('*') === true) return false
  const everyNamespace = listed(spec.includedNamespaces ?? []) === undefined && !spec.excludedNamespaces?.length
  return spec.includeClusterResources ?? everyNamespace
}
