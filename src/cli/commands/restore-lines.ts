import { hasFailed } from '#api/phases.ts'
import type { Restore } from '#api/restore.ts'
import type { RestoreOperation } from '#archive/item-operations.ts'
import type { ResourceList } from '#archive/resource-list.ts'
import type { Results } from '#archive/results.ts'
import { colourPhase, coloursOf } from '../colour.ts'
import type { CliContext } from '../context.ts'
import { instant, pairs, type Line } from '../describe.ts'
import { operationLines, type CountedOperations } from './operation-lines.ts'
import { restorePhaseText } from './restore-columns.ts'
import { restoreSpecLines } from './restore-spec-lines.ts'
import { restoredVolumeLines, type RestoredVolume } from './restore-volume-lines.ts'
import { resultLines } from './results-lines.ts'
import { hookCountLines, resourceLines } from './shared-lines.ts'

/** What a description of a restore is made of. Undefined is what is not there, or could not be had. */
export interface RestoreFacts {
  readonly restore: Restore
  readonly results: Results | undefined
  readonly resourceList: ResourceList | undefined
  readonly operations: RestoreOperation[] | undefined
  readonly volumes: readonly RestoredVolume[] | undefined
}

/** The sections of `velero restore describe` in its order (spec/cli.md §9.3). */
export function restoreLines(facts: RestoreFacts, show: { details: boolean; context: CliContext }): Line[] {
  const { metadata, spec, status } = facts.restore
  return [
    ['Name', coloursOf(show.context).bold(metadata.name)],
    ['Namespace', metadata.namespace ?? ''],
    ['Labels', pairs(metadata.labels)],
    ['Annotations', pairs(metadata.annotations)],
    '',
    ...phaseLines(facts.restore, show.context),
    ...countLines(status),
    '',
    ['Started', instant(status?.startTimestamp)],
    ['Completed', instant(status?.completionTimestamp)],
    ...(status?.validationErrors?.length ? ['' as const, ['Validation errors', status.validationErrors] as const] : []),
    ...resultLines(facts.results, { warnings: status?.warnings ?? 0, errors: status?.errors ?? 0 }),
    '',
    ['Backup', spec.backupName ?? ''],
    '',
    ...restoreSpecLines(spec, restoredVolumeLines(facts.volumes, show.details)),
    ...operationLines('Restore Item Operations', countedOperations(status), facts.operations),
    ...hookCountLines(status?.hookStatus),
    ...(show.details ? ['' as const, ...resourceLines(facts.resourceList)] : []),
  ]
}

function phaseLines(restore: Restore, context: CliContext): Line[] {
  const { metadata, status } = restore
  const logs = hasFailed(status?.phase) && status?.phase !== 'FailedValidation'
  const hint = logs ? ` (see: lifeboat restore logs ${metadata.name})` : ''
  return [
    ['Phase', colourPhase(restorePhaseText(restore), coloursOf(context)) + hint],
    ...(status?.failureReason === undefined ? [] : [['Failure reason', status.failureReason] as const]),
  ]
}

function countLines(status: Restore['status']): Line[] {
  if (!status?.progress) return []
  const { totalItems = 0, itemsRestored = 0 } = status.progress
  const running = status.phase === 'InProgress'
  return [
    [running ? 'Estimated total items to be restored' : 'Total items to be restored', String(totalItems)],
    [running ? 'Items restored so far' : 'Items restored', String(itemsRestored)],
  ]
}

function countedOperations(status: Restore['status']): CountedOperations {
  return {
    attempted: status?.restoreItemOperationsAttempted,
    completed: status?.restoreItemOperationsCompleted,
    failed: status?.restoreItemOperationsFailed,
  }
}
