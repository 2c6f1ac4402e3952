import { Backups, type Backup } from '#api/backup.ts'
import { apiVersionOf } from '#kube/object.ts'
import { formatSelector } from '#selection/label-selector.ts'
import { command } from '../command.ts'
import { doorFlags, openDoor } from '../connection.ts'
import type { Door } from '../door.ts'
import { OK, UserError } from '../exit.ts'
import { selector } from '../flag.ts'
import { labelColumns, printObjects, tableFlags } from '../output.ts'
import { backupColumns, byName } from './backup-columns.ts'

export const backupGet = command({
  path: ['backup', 'get'],
  also: [
    ['get', 'backups'],
    ['get', 'backup'],
  ],
  summary: 'List backups',
  args: '[names...]',
  flags: { ...doorFlags, ...tableFlags, selector: selector('only backups with these labels', { short: 'l' }) },
  async run({ args, flags, context }) {
    await using door = await openDoor(context, flags)
    const backups =
      args.length > 0
        ? await namedBackups(door, args)
        : await door.backups(flags.selector && formatSelector(flags.selector))
    const forMachines = flags.output === 'json' || flags.output === 'yaml'
    printObjects(context, forMachines ? backups : backups.toSorted(byName), {
      format: flags.output,
      columns: [...backupColumns(context), ...labelColumns<Backup>(flags)],
      type: { apiVersion: apiVersionOf(Backups), kind: Backups.kind },
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
  throw await noSuchBackup(door, [name])
}

/** The error for names that no backup has; it lists what there is. */
export async function noSuchBackup(door: Door, names: readonly string[]): Promise<UserError> {
  const others = (await door.backups()).map((other) => other.metadata.name)
  const hint = others.length === 0 ? 'there are no backups' : `there are: ${firstFew(others)}`
  return new UserError(`no backup ${names.map((name) => `"${name}"`).join(', ')} in ${door.place}; ${hint}`)
}

/** A few of many words, for a message. */
export function firstFew(words: readonly string[]): string {
  return words.length <= 5 ? words.join(', ') : `${words.slice(0, 5).join(', ')} and ${words.length - 5} more`
}
