import type { BackupSpec } from '#api/backup.ts'

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

/** Whether the filters are of Velero's old kind, the new scoped kind (also when there are none), or an impossible mixture. */
export function filterStyle(filters: BackupFilters): 'old' | 'scoped' | 'mixed' {
  const old =
    typeof filters.includeClusterResources === 'boolean' ||
    isFilled(filters.includedResources) ||
    isFilled(filters.excludedResources)
  const scoped =
    isFilled(filters.includedClusterScopedResources) ||
    isFilled(filters.excludedClusterScopedResources) ||
    isFilled(filters.includedNamespaceScopedResources) ||
    isFilled(filters.excludedNamespaceScopedResources)
  if (old) return scoped ? 'mixed' : 'old'
  return 'scoped'
}

const snapshots = 'volumesnapshots.snapshot.storage.k8s.io'
const snapshotContents = 'volumesnapshotcontents.snapshot.storage.k8s.io'

/**
 * The filters as the server persists them: `*` when no namespace is included, namespaces labelled out, CSI snapshot types
 * excluded, because those come through their claims (spec/backup §1.2, §3.4). Filters that mix old and new lists come back
 * without the CSI part. Idempotent; changes nothing in place.
 */
export function defaultBackupFilters<F extends BackupFilters>(filters: F, labelledOut: readonly string[]): F {
  const excludedNamespaces = withAll(filters.excludedNamespaces, labelledOut)
  const named: F = {
    ...filters,
    includedNamespaces: isFilled(filters.includedNamespaces) ? filters.includedNamespaces : ['*'],
    ...(excludedNamespaces.length > 0 ? { excludedNamespaces } : {}),
  }
  switch (filterStyle(filters)) {
    case 'mixed':
      return named
    case 'old':
      return {
        ...named,
        ...(isFilled(filters.includedResources)
          ? { includedResources: without(filters.includedResources, [snapshots, snapshotContents]) }
          : {}),
        excludedResources: withAll(filters.excludedResources, [snapshots, snapshotContents]),
      }
    case 'scoped':
      return {
        ...named,
        ...(isFilled(filters.includedNamespaceScopedResources)
          ? { includedNamespaceScopedResources: without(filters.includedNamespaceScopedResources, [snapshots]) }
          : {}),
        ...(isFilled(filters.includedClusterScopedResources)
          ? { includedClusterScopedResources: without(filters.includedClusterScopedResources, [snapshotContents]) }
          : {}),
        excludedNamespaceScopedResources: withAll(filters.excludedNamespaceScopedResources, [snapshots]),
        excludedClusterScopedResources: withAll(filters.excludedClusterScopedResources, [snapshotContents]),
      }
  }
}

function isFilled<T>(list: readonly T[] | null | undefined): list is T[] {
  return list !== undefined && list !== null && list.length > 0
}

function withAll(list: readonly string[] | null | undefined, more: readonly string[]): string[] {
  return [...new Set([...(list ?? []), ...more])]
}

// A list that held nothing else stays as it is: emptied it would mean everything, where the user asked for next to nothing.
function without(list: readonly string[], unwanted: readonly string[]): string[] {
  const rest = list.filter((entry) => !unwanted.includes(entry))
  return rest.length > 0 ? rest : [...list]
}
