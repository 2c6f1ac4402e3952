import type { BackupOperation, OperationStatus, ResourceIdentifier } from '#archive/item-operations.ts'
import type { Line } from '../describe.ts'
import { alignColumns } from '../table.ts'

/** How many operations were started and how they ended, as a status counts them. */
export interface CountedOperations {
  readonly attempted: number | undefined
  readonly completed: number | undefined
  readonly failed: number | undefined
}

/** `Backup Item Operations` of a description: the counts, or with details one block for each; nothing when there were none (spec/cli.md §9.1). */
export function operationLines(
  heading: string,
  { attempted = 0, completed = 0, failed = 0 }: CountedOperations,
  operations: readonly BackupOperation[] | undefined,
): Line[] {
  if (attempted === 0) return []
  if (operations !== undefined) return ['', { heading: `${heading}:`, lines: operations.flatMap(blockOf) }]
  return ['', [heading, `${completed} of ${attempted} completed successfully, ${failed} failed`]]
}

function blockOf({ spec, status }: BackupOperation): string[] {
  const { resourceIdentifier, backupItemAction, operationID, postOperationItems } = spec
  const rows = [
    ['Backup Item Action Plugin:', backupItemAction],
    ['Operation ID:', operationID],
    ...(postOperationItems ?? []).map((item, index) => [index === 0 ? 'Items to Update:' : '', nameOf(item)]),
    ...statusRows(status),
  ]
  const lines = alignColumns(rows as [string, string][], 2)
    .trimEnd()
    .split('\n')
  return [`Operation for ${nameOf(resourceIdentifier)}:`, ...lines.map((line) => `  ${line}`)]
}

function statusRows(status: OperationStatus): string[][] {
  const { phase, error, nCompleted = 0, nTotal = 0, operationUnits = '', description } = status
  const { created, started, updated } = status
  const progress = `${nCompleted} of ${nTotal} complete (${operationUnits})`
  return [
    ['Phase:', phase],
    ['Operation Error:', error],
    ['Progress:', nTotal > 0 || nCompleted > 0 ? progress : undefined],
    ['Progress description:', description],
    ['Created:', created],
    ['Started:', started],
    ['Updated:', updated],
  ].flatMap(([label = '', value]) => (value ? [[label, value]] : []))
}

function nameOf({ Group, Resource, Namespace, Name }: ResourceIdentifier): string {
  const type = Group === '' ? Resource : `${Resource}.${Group}`
  return Namespace === '' ? `${type} ${Name}` : `${type} ${Namespace}/${Name}`
}
