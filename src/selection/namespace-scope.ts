import { labelKeys } from '#api/labels.ts'
import type { KubeObject } from '#kube/object.ts'
import type { BackupFilters } from './backup-filters.ts'
import { isGlob } from './globs.ts'
import { includes, nameList } from './name-list.ts'

/** Which namespaces a backup takes. */
export interface NamespaceScope {
  /** True when no namespace is left out. */
  readonly everyNamespace: boolean
  /** Existing namespaces whose items are wanted, in name order. */
  readonly namespaces: readonly string[]
  /** The same as a set. */
  readonly wantedNamespaces: ReadonlySet<string>
  /** Asked for by name and not there. */
  readonly missingNamespaces: readonly string[]
}

/** Expands the namespace filters against the cluster's namespaces (spec/backup §3.1). Those labelled out count as excluded by name. */
export function compileNamespaceScope(filters: BackupFilters, cluster: readonly KubeObject[]): NamespaceScope {
  const names = cluster.map((namespace) => namespace.metadata.name).toSorted()
  const included = nameList(filters.includedNamespaces)
  const excluded = nameList([...(filters.excludedNamespaces ?? []), ...labelledOutNamespaces(cluster)])
  const wanted = names.filter((name) => includes(included, name))
  const known = new Set(names)
  const namespaces = wanted.filter((name) => !excluded.matches(name))
  const missingNamespaces = included.entries.filter((entry) => entry !== '' && !isGlob(entry) && !known.has(entry))
  return {
    // Naming what does not exist, included or excluded, makes a backup one of a part of the cluster; a pattern is expanded first.
    everyNamespace:
      wanted.length === names.length &&
      missingNamespaces.length === 0 &&
      !names.some(excluded.matches) &&
      !excluded.entries.some((entry) => !isGlob(entry)),
    namespaces,
    wantedNamespaces: new Set(namespaces),
    missingNamespaces,
  }
}

/** Names of the namespaces whose label keeps them out of every backup. */
export function labelledOutNamespaces(cluster: readonly KubeObject[]): string[] {
  return cluster
    .filter(({ metadata }) => metadata.labels?.[labelKeys.excludeFromBackup] === 'true')
    .map(({ metadata }) => metadata.name)
}
