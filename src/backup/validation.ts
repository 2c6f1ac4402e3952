import type { BackupStorageLocation } from '#api/backup-storage-location.ts'
import type { Backup, BackupSpec } from '#api/backup.ts'
import { selectorProblems } from '#selection/label-selector.ts'
import { backupFilterProblems } from '#selection/validate.ts'

/** Defaulting adds these to the excludes, and they would clash with rules about `*`; the user's own lists are judged. */
const addedByDefault: ReadonlySet<string> = new Set([
  'volumesnapshots.snapshot.storage.k8s.io',
  'volumesnapshotcontents.snapshot.storage.k8s.io',
])

/**
 * What is wrong with a defaulted `backup` (spec/backup §1.3), in Velero's order and, where it has them, its words; empty when it can
 * run. `locations` are those of the backup's namespace; without them (no installation) the storage location is not checked.
 */
export function validateBackup(
  backup: Backup,
  options: { locations?: readonly BackupStorageLocation[] | undefined } = {},
): string[] {
  const { spec } = backup
  return [
    ...locationProblems(spec.storageLocation ?? '', options.locations),
    ...backupFilterProblems(withoutAdded(spec)),
    ...badSelectors(spec),
  ]
}

function locationProblems(name: string, locations: readonly BackupStorageLocation[] | undefined): string[] {
  if (locations === undefined) return []
  const location = locations.find((one) => one.metadata.name === name)
  if (location === undefined) {
    return [`backup storage location "${name}" not found; make it, or choose one of: ${namesOf(locations)}`]
  }
  const problems = []
  if (location.spec.accessMode === 'ReadOnly') {
    problems.push(`backup can't be created because backup storage location ${name} is currently in read-only mode`)
  }
  if (location.status?.phase !== 'Available') {
    const why = location.status?.message
    problems.push(
      `backup can't be created because BackupStorageLocation ${name} is in ${location.status?.phase ?? 'an unknown'} status${why ? `: ${why}` : ''}`,
    )
  }
  return problems
}

function namesOf(locations: readonly BackupStorageLocation[]): string {
  return locations.map((location) => location.metadata.name).join(', ') || 'none exist'
}

function withoutAdded(spec: BackupSpec): BackupSpec {
  const keep = (names: readonly string[] | null | undefined): string[] | undefined =>
    names?.filter((name) => !addedByDefault.has(name))
  return {
    ...spec,
    excludedResources: keep(spec.excludedResources),
    excludedClusterScopedResources: keep(spec.excludedClusterScopedResources),
    excludedNamespaceScopedResources: keep(spec.excludedNamespaceScopedResources),
  }
}

function badSelectors({ labelSelector, orLabelSelectors }: BackupSpec): string[] {
  return [labelSelector, ...(orLabelSelectors ?? [])].flatMap((selector) =>
    selector ? selectorProblems(selector) : [],
  )
}
