import type { Backup } from '#api/backup.ts'
import { decodeItemOperations, type BackupOperation } from '#archive/item-operations.ts'
import type { ResourceList } from '#archive/resource-list.ts'
import type { Results } from '#archive/results.ts'
import type { ManifestTrailer } from '#archive/manifest.ts'
import { formatSelector } from '#selection/label-selector.ts'
import { colourPhase, coloursOf } from '../colour.ts'
import { command } from '../command.ts'
import { doorFlags, openDoor } from '../connection.ts'
import { print, type CliContext } from '../context.ts'
import { instant, pairs, renderDescription, type Line } from '../describe.ts'
import type { Door } from '../door.ts'
import { OK } from '../exit.ts'
import { choice, selector, toggle } from '../flag.ts'
import { printDocument } from '../output.ts'
import { counted, formatCount } from '../units.ts'
import { byName, phaseText } from './backup-columns.ts'
import { namedBackups } from './backup-get.ts'
import { policyLines, specLines } from './backup-spec-lines.ts'
import { operationLines, type CountedOperations } from './operation-lines.ts'
import { resultLines } from './results-lines.ts'
import { readJson, readTrailer } from './stored-json.ts'

/** What a description is made of. */
interface Facts {
  readonly backup: Backup
  readonly results: Results | undefined
  readonly resourceList: ResourceList | undefined
  readonly trailer: ManifestTrailer | undefined
  readonly operations: BackupOperation[] | undefined
}

export const backupDescribe = command({
  path: ['backup', 'describe'],
  also: [
    ['describe', 'backup'],
    ['describe', 'backups'],
  ],
  summary: 'Show everything about backups',
  args: '[names...]',
  flags: {
    ...doorFlags,
    selector: selector('only backups with these labels', { short: 'l' }),
    details: toggle('list every object and every type of the cut'),
    output: choice('how to print', ['plaintext', 'json', 'yaml'], { short: 'o' }),
  },
  async run({ args, flags, context }) {
    await using door = await openDoor(context, flags)
    const backups =
      args.length > 0
        ? await namedBackups(door, args)
        : await door.backups(flags.selector && formatSelector(flags.selector))
    const described = []
    for (const backup of backups.toSorted(byName)) described.push(await gather(door, backup, flags.details ?? false))
    if (flags.output === 'json' || flags.output === 'yaml') {
      printDocument(context, described.length === 1 ? described[0] : described, flags.output)
      return OK
    }
    const details = flags.details ?? false
    print(context, described.map((facts) => renderDescription(backupLines(facts, { details, context }))).join('\n\n'))
    return OK
  },
})

async function gather(door: Door, backup: Backup, details: boolean): Promise<Facts> {
  const { name } = backup.metadata
  const troubled = (backup.status?.errors ?? 0) + (backup.status?.warnings ?? 0) > 0
  return {
    backup,
    results: troubled ? await readJson<Results>(door.backupArtifact(name, 'results')) : undefined,
    resourceList: details ? await readJson<ResourceList>(door.backupArtifact(name, 'resource-list')) : undefined,
    operations: await operationsOf(door, backup, details),
    trailer: await readTrailer(door.backupArtifact(name, 'manifest')),
  }
}

async function operationsOf(door: Door, backup: Backup, details: boolean): Promise<BackupOperation[] | undefined> {
  if (!details || (backup.status?.backupItemOperationsAttempted ?? 0) === 0) return undefined
  const bytes = await door.backupArtifact(backup.metadata.name, 'item-operations')
  return bytes === undefined ? undefined : await decodeItemOperations(bytes)
}

/** The sections of `velero backup describe` in its order (spec/cli.md §9.1), and the proof of the cut. */
function backupLines(facts: Facts, { details, context }: { details: boolean; context: CliContext }): Line[] {
  const { backup, results, resourceList, trailer, operations } = facts
  const { status } = backup
  return [
    ['Name', backup.metadata.name],
    ['Namespace', backup.metadata.namespace ?? ''],
    ['Labels', pairs(backup.metadata.labels)],
    ['Annotations', pairs(backup.metadata.annotations)],
    '',
    ['Phase', colourPhase(phaseText(backup), coloursOf(context))],
    ...(status?.failureReason === undefined ? [] : [['Failure reason', status.failureReason] as const]),
    ...(status?.phase === 'Queued' ? [['Queue position', String(status.queuePosition ?? '')] as const] : []),
    ...policyLines(backup.spec),
    ...validationLines(status?.validationErrors),
    ...resultLines(results, { warnings: status?.warnings ?? 0, errors: status?.errors ?? 0 }),
    '',
    ...specLines(backup.spec),
    '',
    ['Backup Format Version', status?.formatVersion ?? ''],
    '',
    ['Started', instant(status?.startTimestamp)],
    ['Completed', instant(status?.completionTimestamp)],
    '',
    ['Expiration', instant(status?.expiration)],
    '',
    ['Total items to be backed up', formatCount(status?.progress?.totalItems ?? 0)],
    ['Items backed up', formatCount(status?.progress?.itemsBackedUp ?? 0)],
    ...operationLines('Backup Item Operations', countedOperations(status), operations),
    ...cutLines(trailer, details),
    ...resourceLines(resourceList),
    ...hookLines(status?.hookStatus),
  ]
}

function countedOperations(status: Backup['status']): CountedOperations {
  return {
    attempted: status?.backupItemOperationsAttempted,
    completed: status?.backupItemOperationsCompleted,
    failed: status?.backupItemOperationsFailed,
  }
}

function validationLines(problems: readonly string[] | null | undefined): Line[] {
  return problems && problems.length > 0 ? ['', { heading: 'Validation errors:', lines: problems }] : []
}

function cutLines(trailer: ManifestTrailer | undefined, details: boolean): Line[] {
  if (trailer === undefined) return []
  const { resourceVersion, types } = trailer.cut
  const outside = types.filter((type) => !type.atCut)
  const lines = [
    `Resource version:  ${resourceVersion}`,
    `Types at the cut:  ${types.length - outside.length} of ${types.length}`,
  ]
  const replayed = types.filter((type) => type.replayed !== undefined)
  if (replayed.length > 0) {
    const changes = replayed.reduce((sum, type) => sum + (type.replayed?.changes ?? 0), 0)
    lines.push(`Brought to it:     ${replayed.length} types read earlier, by ${counted(changes, 'change')} since`)
  }
  for (const type of outside)
    lines.push(`Outside the cut:   ${type.resource} at ${type.resourceVersion} (${type.reason ?? 'refused'})`)
  if (details) for (const type of types) lines.push(`  ${type.resource}: ${formatCount(type.objects)}`)
  return ['', { heading: 'Consistency:', lines }]
}

function resourceLines(list: ResourceList | undefined): Line[] {
  if (list === undefined) return []
  const lines = Object.entries(list).flatMap(([type, names]) => [`${type}:`, ...names.map((name) => `  - ${name}`)])
  return ['', { heading: 'Resource List:', lines }]
}

function hookLines(
  hooks: { hooksAttempted?: number | undefined; hooksFailed?: number | undefined } | null | undefined,
): Line[] {
  if (!hooks) return []
  return ['', ['HooksAttempted', String(hooks.hooksAttempted ?? 0)], ['HooksFailed', String(hooks.hooksFailed ?? 0)]]
}
