import type { Backup } from '#api/backup.ts'
import type { FrozenPod, ManifestTrailer } from '#archive/manifest.ts'
import { hasFailed } from '#api/phases.ts'
import { colourPhase, coloursOf } from '../colour.ts'
import type { CliContext } from '../context.ts'
import { indented, instant, pairs, type Line } from '../describe.ts'
import { counted, formatCount } from '../units.ts'
import { phaseText } from './backup-columns.ts'
import type { BackupFacts } from './backup-facts.ts'
import { policyLines, specLines } from './backup-spec-lines.ts'
import { volumeLines } from './backup-volume-lines.ts'
import { operationLines, type CountedOperations } from './operation-lines.ts'
import { resultLines } from './results-lines.ts'
import { hookCountLines, resourceLines } from './shared-lines.ts'

/** The sections of `velero backup describe` in its order (spec/cli.md §9.1), and the proof of the cut. */
export function backupLines(facts: BackupFacts, show: { details: boolean; context: CliContext }): Line[] {
  const { backup, results } = facts
  const { metadata, spec, status } = backup
  return [
    ['Name', coloursOf(show.context).bold(metadata.name)],
    ['Namespace', metadata.namespace ?? ''],
    ['Labels', pairs(metadata.labels)],
    ['Annotations', pairs(metadata.annotations)],
    '',
    ...phaseLines(backup, show.context),
    ...policyLines(spec),
    ...validationLines(status?.validationErrors ?? []),
    ...resultLines(results, { warnings: status?.warnings ?? 0, errors: status?.errors ?? 0 }),
    '',
    ...specLines(spec),
    '',
    ...statusLines(facts, show.details),
    ...deletionLines(facts.deletions),
  ]
}

function phaseLines(backup: Backup, context: CliContext): Line[] {
  const { metadata, status } = backup
  const phase = phaseText(backup)
  const logs = hasFailed(status?.phase) && phase !== 'FailedValidation'
  const hint = logs ? ` (see: lifeboat backup logs ${metadata.name})` : ''
  return [
    ['Phase', colourPhase(phase, coloursOf(context)) + hint],
    ...(status?.failureReason === undefined ? [] : [['Failure reason', status.failureReason] as const]),
    ...(status?.phase === 'Queued' ? [['Queue position', String(status.queuePosition ?? 0)] as const] : []),
  ]
}

function validationLines(problems: readonly string[]): Line[] {
  return problems.length === 0 ? [] : ['', ['Validation errors', problems]]
}

function statusLines(facts: BackupFacts, details: boolean): Line[] {
  const { status } = facts.backup
  return [
    ['Backup Format Version', status?.formatVersion ?? ''],
    '',
    ['Started', instant(status?.startTimestamp)],
    ['Completed', instant(status?.completionTimestamp)],
    '',
    ['Expiration', instant(status?.expiration, '<nil>')],
    '',
    ...countLines(status),
    '',
    ...operationLines('Backup Item Operations', countedOperations(status), facts.operations),
    ...(details ? resourceLines(facts.resourceList) : []),
    ...cutLines(facts.trailer, details),
    '',
    { heading: 'Backup Volumes:', lines: volumeLines(facts, details) },
    ...hookCountLines(status?.hookStatus),
    ...(details ? frozenLines(facts.trailer?.frozen ?? []) : []),
  ]
}

/** How long pods stood still for their snapshots. */
function frozenLines(pods: readonly FrozenPod[]): Line[] {
  if (pods.length === 0) return []
  const lines = pods.map(
    ({ namespace, name, since, seconds }) => `${namespace}/${name}:\t${seconds} s, from ${instant(since)}`,
  )
  return ['', { heading: 'Frozen:', lines }]
}

function countLines(status: Backup['status']): Line[] {
  if (!status?.progress) return []
  const { totalItems = 0, itemsBackedUp = 0 } = status.progress
  const running = status.phase === 'InProgress'
  return [
    [running ? 'Estimated total items to be backed up' : 'Total items to be backed up', String(totalItems)],
    [running ? 'Items backed up so far' : 'Items backed up', String(itemsBackedUp)],
  ]
}

function countedOperations(status: Backup['status']): CountedOperations {
  return {
    attempted: status?.backupItemOperationsAttempted,
    completed: status?.backupItemOperationsCompleted,
    failed: status?.backupItemOperationsFailed,
  }
}

/** At which version the types were read; Velero's backups say nothing about it. */
function cutLines(trailer: ManifestTrailer | undefined, details: boolean): Line[] {
  if (trailer === undefined) return []
  const { resourceVersion, types } = trailer.cut
  const outside = types.filter((type) => !type.atCut)
  const lines = [
    `Resource version:\t${resourceVersion}`,
    `Types at the cut:\t${types.length - outside.length} of ${types.length}`,
  ]
  const replayed = types.filter((type) => type.replayed !== undefined)
  if (replayed.length > 0) {
    const changes = replayed.reduce((sum, type) => sum + (type.replayed?.changes ?? 0), 0)
    lines.push(`Brought to it:\t${replayed.length} types read earlier, by ${counted(changes, 'change')} since`)
  }
  for (const type of outside)
    lines.push(`Outside the cut:\t${type.resource} at ${type.resourceVersion} (${type.reason ?? 'refused'})`)
  const { snapshots = [] } = trailer
  if (details) {
    for (const { namespace, claim, taken } of snapshots)
      lines.push(`Snapshot of ${namespace}/${claim}:\ttaken ${instant(taken)}`)
  }
  if (details) for (const type of types) lines.push(`  ${type.resource}: ${formatCount(type.objects)}`)
  return ['', { heading: 'Consistency:', lines }]
}

function deletionLines(deletions: BackupFacts['deletions']): Line[] {
  if (deletions.length === 0) return []
  const failed = deletions.filter(({ status }) => (status?.errors?.length ?? 0) > 0).length
  const lines = deletions.flatMap(({ metadata, status }, index) => [
    ...(index === 0 ? [] : ['']),
    `${instant(metadata.creationTimestamp)}: ${status?.phase ?? ''}`,
    ...(status?.errors?.length ? ['Errors:', ...indented(status.errors)] : []),
  ])
  return ['', { heading: `Deletion Attempts${failed > 0 ? ` (${failed} failed)` : ''}:`, lines }]
}
