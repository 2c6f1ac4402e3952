import type { BackupStorageLocation } from '#api/backup-storage-location.ts'
import type { Backup } from '#api/backup.ts'
import { veleroDefaults } from '#api/defaults.ts'
import { parseDuration } from '#api/duration.ts'
import { labelKeys, labelValue } from '#api/labels.ts'
import type { Restore } from '#api/restore.ts'
import { restoreWishes, restoreWishProblems } from '#api/restore-wishes.ts'
import { neverRestored, restoreSpecProblems } from '#selection/validate.ts'

/** Fills what Velero's server fills before it validates: types that are never restored, the item-operation timeout (spec/restore §1.2). Does not change `restore`; doing it twice is the same as once. */
export function defaultRestore(
  restore: Restore,
  { itemOperationTimeout = veleroDefaults.itemOperationTimeout }: { itemOperationTimeout?: string | undefined } = {},
): Restore {
  const excluded = restore.spec.excludedResources ?? []
  const missing = neverRestored.filter((resource) => !excluded.includes(resource))
  const timeout = restore.spec.itemOperationTimeout
  return {
    ...restore,
    spec: {
      ...restore.spec,
      excludedResources: [...excluded, ...missing],
      itemOperationTimeout: timeout === undefined || parseDuration(timeout) === 0 ? itemOperationTimeout : timeout,
    },
  }
}

/** What is known of the world in which a restore is to run. */
export interface RestorePlaces {
  /** Those that can be chosen from. */
  readonly backups: readonly Backup[]
  /** Where backups are kept; without them (no installation) the location of the backup is not checked. */
  readonly locations?: readonly BackupStorageLocation[] | undefined
  /** What is wrong with the resource modifiers that the restore names (`readModifiers`). */
  readonly modifierProblems: readonly string[]
}

/** What is wrong with a defaulted `restore`, in Velero's words and order; empty when it can run. */
export function validateRestore(restore: Restore, { backups, locations, modifierProblems }: RestorePlaces): string[] {
  const problems = [...restoreSpecProblems(restore.spec), ...restoreWishProblems(restore)]
  const { backupName, scheduleName } = restore.spec
  if (isSet(backupName) === isSet(scheduleName)) return problems
  const backup = requestedBackup(restore, backups)
  // Without its backup nothing else can be said about a restore.
  const placeProblem = backup === undefined ? noBackup(restore) : locationProblem(backup, locations)
  if (placeProblem !== undefined) return [...problems, placeProblem]
  return [...problems, ...modifierProblems, ...(restoreWishes(restore).exact ? exactProblems(backup) : [])]
}

/** Where a backup may lack what was there, nothing can be told to be too much. */
function exactProblems(backup: Backup | undefined): string[] {
  const name = backup?.metadata.name ?? ''
  const problems: string[] = []
  if (backup?.status?.phase !== 'Completed') {
    problems.push(`an exact restore needs a backup that is Completed, and ${name} is ${backup?.status?.phase ?? 'New'}`)
  }
  if (backup?.spec.resourcePolicy) {
    problems.push(`an exact restore cannot know what the resource policies of backup ${name} left out of it`)
  }
  return problems
}

function noBackup({ spec: { backupName, scheduleName } }: Restore): string {
  return isSet(backupName)
    ? `Error retrieving backup: Backup.velero.io "${backupName}" not found`
    : `No completed backups found for schedule ${scheduleName}`
}

function locationProblem(
  { spec }: Backup,
  locations: readonly BackupStorageLocation[] | undefined,
): string | undefined {
  if (locations === undefined) return undefined
  const name = spec.storageLocation ?? ''
  const location = locations.find(({ metadata }) => metadata.name === name)
  if (location === undefined) return `Error retrieving backup: BackupStorageLocation.velero.io "${name}" not found`
  // One that was not checked yet may well be in order.
  if (location.status?.phase !== 'Unavailable') return undefined
  return `The BSL ${name} is unavailable, cannot retrieve the backup`
}

/** The backup `restore` asks for: by name, or the newest Completed one of its schedule. Undefined when there is none. */
export function requestedBackup({ spec }: Restore, backups: readonly Backup[]): Backup | undefined {
  if (isSet(spec.backupName)) return backups.find(({ metadata }) => metadata.name === spec.backupName)
  if (!isSet(spec.scheduleName)) return undefined
  const label = labelValue(spec.scheduleName)
  return backups
    .filter(({ metadata, status }) => {
      return metadata.labels?.[labelKeys.scheduleName] === label && status?.phase === 'Completed'
    })
    .toSorted((a, b) => startOf(b) - startOf(a))[0]
}

function startOf({ status }: Backup): number {
  return Date.parse(status?.startTimestamp ?? '') || 0
}

function isSet(name: string | undefined): name is string {
  return name !== undefined && name !== ''
}
