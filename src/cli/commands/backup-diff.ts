import type { Backup } from '#api/backup.ts'
import type { ComparedBackup } from '#restore/compare-backups.ts'
import { compareBackups } from '#restore/compare-backups.ts'
import { compareLive } from '#restore/compare-live.ts'
import type { Comparison, ComparisonFilter } from '#restore/comparison.ts'
import { storedTypesNamed } from '#selection/stored-types.ts'
import { command } from '../command.ts'
import { doorFlags, downloadFlags, openDoor } from '../connection.ts'
import type { CliContext } from '../context.ts'
import type { Door } from '../door.ts'
import { DIFFERENT, OK, USAGE, UserError, type ExitCode } from '../exit.ts'
import { choice, list, selector, toggle } from '../flag.ts'
import { storedArchive } from '../stored-contents.ts'
import { backupNamed } from './backup-get.ts'
import { printComparison } from './print-comparison.ts'

const flags = {
  ...doorFlags,
  ...downloadFlags,
  live: toggle('compare with the cluster as it is now'),
  'include-namespaces': list('only these namespaces; patterns such as shop-* are understood', { metavar: 'NS,…' }),
  'include-resources': list('only these types, such as deploy or deployments.apps', { metavar: 'TYPE,…' }),
  selector: selector('only objects with these labels, on either side', { short: 'l' }),
  output: choice('how to print', ['table', 'json', 'yaml'], { short: 'o' }),
}

export const backupDiff = command({
  path: ['backup', 'diff'],
  summary: 'Compare two backups, or a backup with the cluster',
  args: '<name> [other]',
  flags,
  examples: [
    'lifeboat backup diff monday tuesday',
    'lifeboat backup diff monday --live --include-namespaces shop',
    'lifeboat backup diff monday tuesday --include-resources deploy,cm -o json',
  ],
  async run({ args, flags: given, context }): Promise<ExitCode> {
    const [name = '', other] = args
    if ((other === undefined) !== (given.live === true)) {
      throw new UserError('say what to compare with: a second backup or --live (one of them)', { exitCode: USAGE })
    }
    await using door = await openDoor(context, given)
    const backup = await backupNamed(door, name)
    if (other !== undefined) await backupNamed(door, other)
    const { unknown, takes } = typesAsked(given['include-resources'])
    const filter = { namespaces: given['include-namespaces'], selector: given.selector, resources: takes }
    const asked = { filter, context, door }
    await using comparison = other === undefined ? await withCluster(backup, asked) : withBackup(name, other, asked)
    const sides = { left: name, right: other ?? 'the cluster' }
    const differ = await printComparison(comparison, { sides, format: given.output ?? 'table', context })
    if (unknown.size > 0)
      throw new UserError(`neither side has a type ${[...unknown].map((word) => `"${word}"`).join(' or ')}`)
    return differ ? DIFFERENT : OK
  },
})

interface Asked {
  readonly filter: ComparisonFilter
  readonly context: CliContext
  readonly door: Door
}

/** A comparison and what it reads. */
type OpenComparison = Comparison & AsyncDisposable

function withBackup(name: string, other: string, { filter, context, door }: Asked): OpenComparison {
  const { signal } = context
  const stack = new AsyncDisposableStack()
  const compared = (which: string): ComparedBackup => ({
    manifest: () => door.backupArtifact(which, 'manifest'),
    archive: async () => stack.use(await storedArchive(door, which, signal)),
  })
  const comparison = compareBackups(compared(name), compared(other), { ...filter, signal })
  return { ...comparison, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

async function withCluster(backup: Backup, { filter, context, door }: Asked): Promise<OpenComparison> {
  const { signal } = context
  const opened = await door.openBackup(backup, { signal })
  return {
    ...compareLive({ ...opened, ...filter, signal }),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}

/** The types that somebody asked for; `unknown` are the words that no type has answered to. */
function typesAsked(words: readonly string[] | undefined) {
  const unknown = new Set(words)
  const takes = (resource: string): boolean => {
    const answering = (words ?? []).filter((word) => storedTypesNamed(word, [resource]).length > 0)
    for (const word of answering) unknown.delete(word)
    return answering.length > 0
  }
  return { unknown, takes: words && takes }
}
