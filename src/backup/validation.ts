import type { BackupStorageLocation } from '#api/backup-storage-location.ts'
import type { Backup, BackupSpec } from '#api/backup.ts'
import { parseDuration } from '#api/duration.ts'
import { backupFilterProblems } from '#selection/validate.ts'
import type { VolumeSnapshotLocation } from '#api/volume-snapshot-location.ts'
import { chooseSnapshotLocations } from './snapshot-locations.ts'

/** Defaulting adds these to the excludes, and they would clash with rules about `*`; the user's own lists are judged. */
const addedByDefault: ReadonlySet<string> = new Set([
  'volumesnapshots.snapshot.storage.k8s.io',
  'volumesnapshotcontents.snapshot.storage.k8s.io',
])

/** What a backup is judged by besides itself. */
export interface ValidationFacts {
  /** Those of the backup's namespace; without them (no installation) the storage location is not checked. */
  locations?: readonly BackupStorageLocation[] | undefined
  /** As `locations`, for native snapshots. */
  snapshotLocations?: readonly VolumeSnapshotLocation[] | undefined
  /** Setting of the server: provider → name of the snapshot location to take when several would do. */
  defaultSnapshotLocations?: Readonly<Record<string, string>> | undefined
  /** From `readPolicies`. */
  policyProblems?: readonly string[] | undefined
}

/** What is wrong with a defaulted `backup` (spec/backup §1.3), in Velero's order and, where it has them, its words; empty when it can run. */
export function validateBackup(backup: Backup, facts: ValidationFacts = {}): string[] {
  const { spec } = backup
  const { snapshotLocations, defaultSnapshotLocations, policyProblems = [] } = facts
  const chosen = chooseSnapshotLocations(spec.volumeSnapshotLocations, {
    locations: snapshotLocations,
    defaults: defaultSnapshotLocations,
  })
  return [
    ...locationProblems(spec.storageLocation ?? '', facts.locations),
    ...chosen.problems,
    ...backupFilterProblems(withoutAdded(spec)),
    ...policyProblems,
    ...ttlProblems(spec),
  ]
}

function ttlProblems({ ttl = '0s' }: BackupSpec): string[] {
  return parseDuration(ttl) < 0 ? [`ttl ${ttl} is negative: the backup would be deleted as soon as it is made`] : []
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
