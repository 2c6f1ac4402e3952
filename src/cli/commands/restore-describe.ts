import type { Restore } from '#api/restore.ts'
import { decodeRestoreOperations, type RestoreOperation } from '#archive/item-operations.ts'
import type { ResourceList } from '#archive/resource-list.ts'
import type { Results } from '#archive/results.ts'
import { formatSelector } from '#selection/label-selector.ts'
import { command } from '../command.ts'
import { doorFlags, downloadFlags, openDoor } from '../connection.ts'
import { note, print, type CliContext } from '../context.ts'
import { renderDescription } from '../describe.ts'
import type { Door } from '../door.ts'
import { OK, UserError } from '../exit.ts'
import { choice, selector, toggle } from '../flag.ts'
import { printDocument } from '../output.ts'
import { restoreNamed } from './restore-get.ts'
import { restoreLines, type RestoreFacts } from './restore-lines.ts'
import type { RestoredVolume } from './restore-volume-lines.ts'
import { readJson } from './stored-json.ts'

/** As Velero's client, which waits so long for each file it wants to show. */
const FILE_TIMEOUT_MS = 30_000

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
    ...downloadFlags,
    selector: selector('only restores with these labels', { short: 'l' }),
    details: toggle('list every object and what became of it'),
    output: choice('how to print', ['plaintext', 'json', 'yaml'], { short: 'o' }),
  },
  async run({ args, flags, context }) {
    await using door = await openDoor(context, flags, { downloadTimeout: FILE_TIMEOUT_MS })
    const restores =
      args.length > 0
        ? await Promise.all(args.map((name) => restoreNamed(door, name)))
        : await door.restores(flags.selector && formatSelector(flags.selector))
    const details = flags.details ?? false
    const described: RestoreFacts[] = []
    for (const restore of restores) described.push(await facts(door, restore, { details, context }))
    if (flags.output === 'json' || flags.output === 'yaml') {
      printDocument(context, described.length === 1 ? described[0] : described, flags.output)
      return OK
    }
    const texts = described.map((one) => renderDescription(restoreLines(one, { details, context })))
    if (texts.length > 0) print(context, texts.join('\n\n'))
    return OK
  },
})

const withoutFiles: ReadonlySet<string> = new Set(['New', 'InProgress', 'FailedValidation'])

const nothingStored = { results: undefined, resourceList: undefined, operations: undefined, volumes: undefined }

/** The files come through the server, which may be down: the rest of the description is worth having then. */
async function facts(
  door: Door,
  restore: Restore,
  { details, context }: { details: boolean; context: CliContext },
): Promise<RestoreFacts> {
  const { metadata, status } = restore
  const { name } = metadata
  const troubled = (status?.errors ?? 0) + (status?.warnings ?? 0) > 0
  if (withoutFiles.has(status?.phase ?? 'New')) return { restore, ...nothingStored }
  try {
    return {
      restore,
      volumes: await readJson<RestoredVolume[]>(door.restoreArtifact(name, 'volume-info')),
      results: troubled ? await readJson<Results>(door.restoreArtifact(name, 'results')) : undefined,
      resourceList: details ? await readJson<ResourceList>(door.restoreArtifact(name, 'resource-list')) : undefined,
      operations: details ? await storedOperations(door, restore) : undefined,
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    note(context, `The files of restore ${name} could not be read: ${error.message}`)
    return { restore, ...nothingStored }
  }
}

async function storedOperations(door: Door, { metadata, status }: Restore): Promise<RestoreOperation[] | undefined> {
  if ((status?.restoreItemOperationsAttempted ?? 0) === 0) return undefined
  const bytes = await door.restoreArtifact(metadata.name, 'item-operations')
  return bytes === undefined ? undefined : await decodeRestoreOperations(bytes)
}
