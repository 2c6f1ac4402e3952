import type { Restore, RestoreStatus } from '#api/restore.ts'
import { decodeRestoreOperations, type RestoreOperation } from '#archive/item-operations.ts'
import type { ResourceList } from '#archive/resource-list.ts'
import type { Results } from '#archive/results.ts'
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
import { formatCount } from '../units.ts'
import { operationLines, type CountedOperations } from './operation-lines.ts'
import { restorePhaseText } from './restore-columns.ts'
import { restoreNamed } from './restore-get.ts'
import { restoreSpecLines } from './restore-spec-lines.ts'
import { resultLines } from './results-lines.ts'
import { readJson } from './stored-json.ts'

/** What a description is made of. */
interface Facts {
  readonly restore: Restore
  readonly results: Results | undefined
  readonly resourceList: ResourceList | undefined
  readonly operations: RestoreOperation[] | undefined
}

export const restoreDescribe = command({
  path: ['restore', 'describe'],
  also: [
    ['describe', 'restore'],
    ['describe', 'restores'],
  ],
  summary: 'Show everything about restores',
  args: '[names...]',
  flags: {
    ...doorFlags,
    selector: selector('only restores with these labels', { short: 'l' }),
    details: toggle('list every object and what became of it'),
    output: choice('how to print', ['plaintext', 'json', 'yaml'], { short: 'o' }),
  },
  async run({ args, flags, context }) {
    await using door = await openDoor(context, flags)
    const restores =
      args.length > 0
        ? await Promise.all(args.map((name) => restoreNamed(door, name)))
        : await door.restores(flags.selector && formatSelector(flags.selector))
    const described = []
    for (const restore of restores) described.push(await gather(door, restore, flags.details ?? false))
    if (flags.output === 'json' || flags.output === 'yaml') {
      printDocument(context, described.length === 1 ? described[0] : described, flags.output)
      return OK
    }
    print(context, described.map((facts) => renderDescription(restoreLines(facts, context))).join('\n\n'))
    return OK
  },
})

async function gather(door: Door, restore: Restore, details: boolean): Promise<Facts> {
  const { name } = restore.metadata
  const troubled = (restore.status?.errors ?? 0) + (restore.status?.warnings ?? 0) > 0
  return {
    restore,
    results: troubled ? await readJson<Results>(door.restoreArtifact(name, 'results')) : undefined,
    resourceList: details ? await readJson<ResourceList>(door.restoreArtifact(name, 'resource-list')) : undefined,
    operations: await operationsOf(door, restore, details),
  }
}

async function operationsOf(door: Door, restore: Restore, details: boolean): Promise<RestoreOperation[] | undefined> {
  if (!details || (restore.status?.restoreItemOperationsAttempted ?? 0) === 0) return undefined
  const bytes = await door.restoreArtifact(restore.metadata.name, 'item-operations')
  return bytes === undefined ? undefined : await decodeRestoreOperations(bytes)
}

/** The sections of `velero restore describe` in its order (spec/cli.md §9.3). */
function restoreLines({ restore, results, resourceList, operations }: Facts, context: CliContext): Line[] {
  const { status, metadata } = restore
  return [
    ['Name', metadata.name],
    ['Namespace', metadata.namespace ?? ''],
    ['Labels', pairs(metadata.labels)],
    ['Annotations', pairs(metadata.annotations)],
    '',
    ['Phase', colourPhase(restorePhaseText(restore), coloursOf(context))],
    ...(status?.failureReason === undefined ? [] : [['Failure reason', status.failureReason] as const]),
    ...progressLines(status),
    '',
    ['Started', instant(status?.startTimestamp)],
    ['Completed', instant(status?.completionTimestamp)],
    ...(status?.validationErrors?.length
      ? ['' as const, { heading: 'Validation errors:', lines: status.validationErrors }]
      : []),
    ...resultLines(results, { warnings: status?.warnings ?? 0, errors: status?.errors ?? 0 }),
    '',
    ['Backup', restore.spec.backupName ?? ''],
    '',
    ...restoreSpecLines(restore.spec),
    ...operationLines('Restore Item Operations', countedOperations(status), operations),
    ...hookLines(status),
    ...resourceLines(resourceList),
  ]
}

function countedOperations(status: Restore['status']): CountedOperations {
  return {
    attempted: status?.restoreItemOperationsAttempted,
    completed: status?.restoreItemOperationsCompleted,
    failed: status?.restoreItemOperationsFailed,
  }
}

function progressLines(status: RestoreStatus | undefined): Line[] {
  const [total, done] = [status?.progress?.totalItems ?? 0, status?.progress?.itemsRestored ?? 0]
  const words =
    status?.phase === 'InProgress'
      ? (['Estimated total items to be restored', 'Items restored so far'] as const)
      : (['Total items to be restored', 'Items restored'] as const)
  return [
    [words[0], formatCount(total)],
    [words[1], formatCount(done)],
  ]
}

function hookLines(status: RestoreStatus | undefined): Line[] {
  const { hooksAttempted, hooksFailed = 0 } = status?.hookStatus ?? {}
  if (hooksAttempted === undefined) return []
  return ['', ['HooksAttempted', `${hooksAttempted}`], ['HooksFailed', `${hooksFailed}`]]
}

function resourceLines(list: ResourceList | undefined): Line[] {
  if (list === undefined) return []
  const lines = Object.entries(list).flatMap(([type, names]) => [`${type}:`, ...names.map((name) => `  - ${name}`)])
  return ['', { heading: 'Resource List:', lines }]
}
