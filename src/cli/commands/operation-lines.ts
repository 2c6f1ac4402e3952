import type {
  BackupOperation,
  OperationStatus,
  ResourceIdentifier,
  RestoreOperation,
} from '#archive/item-operations.ts'
import { indented, instant, type Line } from '../describe.ts'

/** How many operations were started and how they ended, as a status counts them. */
export interface CountedOperations {
  readonly attempted: number | undefined
  readonly completed: number | undefined
  readonly failed: number | undefined
}

/** Operations in a description, under `Backup Item Operations` for a backup: the counts, or with details one block for each; nothing when there were none (spec/cli.md §9.1). */
export function operationLines(
  heading: string,
  { attempted = 0, completed = 0, failed = 0 }: CountedOperations,
  operations: readonly (BackupOperation | RestoreOperation)[] | undefined,
): Line[] {
  if (attempted === 0) return []
  if (operations !== undefined) return ['', { heading: `${heading}:`, lines: operations.flatMap(blockOf) }]
  return ['', [heading, `${completed} of ${attempted} completed successfully, ${failed} failed`]]
}

/** Laid out as Velero does it, also where that looks odd: items to update stand in the column of values, below their title. */
function blockOf({ spec, status }: BackupOperation | RestoreOperation): string[] {
  const items = 'postOperationItems' in spec ? (spec.postOperationItems ?? []) : []
  const lines = [
    'backupItemAction' in spec
      ? `Backup Item Action Plugin:\t${spec.backupItemAction}`
      : `Restore Item Action Plugin:\t${spec.restoreItemAction}`,
    `Operation ID:\t${spec.operationID}`,
    ...(items.length === 0 ? [] : ['Items to Update:', ...items.map((item) => `\t${nameOf(item)}`)]),
    ...statusLines(status),
  ]
  return [`Operation for ${nameOf(spec.resourceIdentifier)}:`, ...indented(lines)]
}

function statusLines(status: OperationStatus): string[] {
  const { phase, error, nCompleted = 0, nTotal = 0, operationUnits = '', description } = status
  const progress = `${nCompleted} of ${nTotal} complete (${operationUnits})`
  const rows: [string, string | undefined][] = [
    ['Phase', phase],
    ['Operation Error', error],
    ['Progress', nTotal > 0 || nCompleted > 0 ? progress : undefined],
    ['Progress description', description],
    ['Created', instant(status.created, '')],
    ['Started', instant(status.started, '')],
    ['Updated', instant(status.updated, '')],
  ]
  return rows.flatMap(([label, value]) => (value ? [`${label}:\t${value}`] : []))
}

function nameOf({ Group, Resource, Namespace, Name }: ResourceIdentifier): string {
  const type = Group === '' ? Resource : `${Resource}.${Group}`
  return Namespace === '' ? `${type} ${Name}` : `${type} ${Namespace}/${Name}`
}
