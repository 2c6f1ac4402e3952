import type { Backup } from '#api/backup.ts'
import { formatSelector } from '#selection/label-selector.ts'
import { command } from '../command.ts'
import { doorFlags, openDoor } from '../connection.ts'
import type { Door } from '../door.ts'
import { OK, UserError } from '../exit.ts'
import { selector } from '../flag.ts'
import { outputFlag, printObjects } from '../output.ts'
import { backupColumns, byName } from './backup-columns.ts'

export const backupGet = command({
  path: ['backup', 'get'],
  also: [
    ['get', 'backups'],
    ['get', 'backup'],
  ],
  summary: 'List backups',
  args: '[names...]',
  flags: { ...doorFlags, selector: selector('only backups with these labels', { short: 'l' }), output: outputFlag() },
  async run({ args, flags, context }) {
    await using door = await openDoor(context, flags)
    const backups =
      args.length > 0
        ? await namedBackups(door, args)
        : await door.backups(flags.selector && formatSelector(flags.selector))
    printObjects(context, backups.toSorted(byName), {
      format: flags.output,
      columns: backupColumns(context),
      none: `No backups in ${door.place}. Make one with: lifeboat backup create NAME`,
    })
    return OK
  },
})

/** The backups with these names; UserError when one is not there. */
export async function namedBackups(door: Door, names: readonly string[]): Promise<Backup[]> {
  return await Promise.all(names.map((name) => backupNamed(door, name)))
}

/** The backup called `name`; UserError that lists what there is when it is not there. */
export async function backupNamed(door: Door, name: string): Promise<Backup> {
  const backup = await door.backup(name)
  if (backup !== undefined) return backup
  const others = (await door.backups()).map((other) => other.metadata.name)
  const hint = others.length === 0 ? 'there are no backups' : `there are: ${firstFew(others)}`
  throw new UserError(`no backup "${name}" in ${door.place}; ${hint}`)
}

/** A few of many words, for a message. */
export function firstFew(words: readonly string[]): string {
  return words.length <= 5 ? words.join(', ') : `${words.slice(0, 5).join(', ')} and ${words.length - 5} more`
}
