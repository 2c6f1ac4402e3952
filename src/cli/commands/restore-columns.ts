import type { Restore } from '#api/restore.ts'
import { formatSelector } from '#selection/label-selector.ts'
import { colourPhase, coloursOf } from '../colour.ts'
import type { CliContext } from '../context.ts'
import type { Column } from '../table.ts'

/** The columns of `restore get`, Velero's in Velero's order (spec/cli.md §8). */
export function restoreColumns(context: CliContext): Column<Restore>[] {
  const colours = coloursOf(context)
  return [
    { heading: 'NAME', text: (restore) => restore.metadata.name },
    { heading: 'BACKUP', text: (restore) => restore.spec.backupName ?? '' },
    { heading: 'STATUS', text: (restore) => colourPhase(restorePhaseText(restore), colours) },
    { heading: 'STARTED', text: ({ status }) => status?.startTimestamp ?? '<nil>' },
    { heading: 'COMPLETED', text: ({ status }) => status?.completionTimestamp ?? '<nil>' },
    { heading: 'ERRORS', text: ({ status }) => String(status?.errors ?? 0) },
    { heading: 'WARNINGS', text: ({ status }) => String(status?.warnings ?? 0) },
    { heading: 'OBJECTS', wide: true, text: ({ status }) => String(status?.progress?.itemsRestored ?? '') },
    { heading: 'CREATED', text: ({ metadata }) => metadata.creationTimestamp ?? '<nil>' },
    { heading: 'SELECTOR', text: ({ spec }) => (spec.labelSelector ? formatSelector(spec.labelSelector) : '<none>') },
  ]
}

/** The phase as tables show it. */
export function restorePhaseText(restore: Restore): string {
  const phase = restore.status?.phase ?? 'New'
  return restore.metadata.deletionTimestamp === undefined ? phase : `${phase} (Deleting)`
}
