import type { Restore } from '#api/restore.ts'
import { colourPhase, coloursOf } from '../colour.ts'
import type { CliContext } from '../context.ts'
import { instant } from '../describe.ts'
import type { Column } from '../table.ts'
import { selectorText } from './backup-spec-lines.ts'

/** The columns of `restore get`, Velero's in Velero's order (spec/cli.md §8). */
export function restoreColumns(context: CliContext): Column<Restore>[] {
  const colours = coloursOf(context)
  return [
    { heading: 'NAME', text: (restore) => restore.metadata.name },
    { heading: 'BACKUP', text: (restore) => restore.spec.backupName ?? '' },
    { heading: 'STATUS', text: (restore) => colourPhase(restorePhaseText(restore), colours) },
    { heading: 'STARTED', text: ({ status }) => instant(status?.startTimestamp, '<nil>') },
    { heading: 'COMPLETED', text: ({ status }) => instant(status?.completionTimestamp, '<nil>') },
    { heading: 'ERRORS', text: ({ status }) => String(status?.errors ?? 0) },
    { heading: 'WARNINGS', text: ({ status }) => String(status?.warnings ?? 0) },
    { heading: 'OBJECTS', wide: true, text: ({ status }) => String(status?.progress?.itemsRestored ?? '') },
    { heading: 'CREATED', text: ({ metadata }) => instant(metadata.creationTimestamp, '<nil>') },
    { heading: 'SELECTOR', text: ({ spec }) => selectorText(spec.labelSelector) },
  ]
}

/** The phase as tables show it. */
export function restorePhaseText(restore: Restore): string {
  const phase = restore.status?.phase ?? 'New'
  return restore.metadata.deletionTimestamp === undefined ? phase : `${phase} (Deleting)`
}
