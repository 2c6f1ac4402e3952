import type { Backup } from '#api/backup.ts'
import { labelValue } from '#api/labels.ts'
import type { Restore } from '#api/restore.ts'
import { restoreWishes } from '#api/restore-wishes.ts'
import { targetNamespace } from '#selection/restore-scope.ts'

/** On the backup that is made before an exact restore: the name of that restore. */
export const safetyBackupLabel = 'lifeboat.dev/before-restore'

/** The name of the backup that is made before `restore`. */
export function safetyBackupName({ metadata }: Restore): string {
  return `${metadata.name}-before`
}

/** The namespaces that an exact restore may change, in name order. */
export function exactNamespaces({ spec }: Restore): string[] {
  const names = (spec.includedNamespaces ?? []).map((name) => targetNamespace(name, spec.namespaceMapping ?? undefined))
  return [...new Set(names)].toSorted()
}

/**
 * The backup that has to be there before `restore` changes anything; undefined when it wants none or none of its namespaces is
 * in `existing`. Objects only: an exact restore deletes no volume. `location` as in the backup that is restored.
 */
export function safetyBackup(
  restore: Restore,
  { existing, location }: { existing: ReadonlySet<string>; location: string | undefined },
): Backup | undefined {
  if (!restoreWishes(restore).safetyBackup) return undefined
  const includedNamespaces = exactNamespaces(restore).filter((name) => existing.has(name))
  if (includedNamespaces.length === 0) return undefined
  return {
    apiVersion: 'velero.io/v1',
    kind: 'Backup',
    metadata: {
      name: safetyBackupName(restore),
      namespace: restore.metadata.namespace,
      labels: { [safetyBackupLabel]: labelValue(restore.metadata.name) },
    },
    spec: {
      includedNamespaces,
      snapshotVolumes: false,
      defaultVolumesToFsBackup: false,
      ...(location === undefined ? {} : { storageLocation: location }),
    },
  }
}

/** Why an exact restore does not begin after a safety backup that ended otherwise than Completed. */
export function safetyProblem({ metadata, status }: Backup): string {
  return `safety backup ${metadata.name} ended ${status?.phase ?? 'New'}, so nothing was restored: see to its errors, or do without it (--no-safety-backup)`
}
