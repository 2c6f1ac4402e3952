import type { Backup } from '#api/backup.ts'
import { formatSelector } from '#selection/label-selector.ts'
import { assertOneChoice, confirm } from '../chosen.ts'
import { command } from '../command.ts'
import { doorFlags, openDoor } from '../connection.ts'
import { print } from '../context.ts'
import type { Door } from '../door.ts'
import { OK } from '../exit.ts'
import { selector, toggle } from '../flag.ts'
import { firstFew, noSuchBackup } from './backup-get.ts'

export const backupDelete = command({
  path: ['backup', 'delete'],
  also: [
    ['delete', 'backup'],
    ['delete', 'backups'],
  ],
  summary: 'Delete backups, with their files and the restores made from them',
  args: '[names...]',
  flags: {
    ...doorFlags,
    all: toggle('delete every backup'),
    selector: selector('delete the backups with these labels', { short: 'l' }),
    confirm: toggle('do not ask'),
  },
  async run({ args, flags, context }) {
    assertOneChoice(args, flags)
    await using door = await openDoor(context, flags)
    const { backups, missing } = await asked(door, args, flags.selector && formatSelector(flags.selector))
    if (backups.length === 0) {
      if (missing.length > 0) throw await noSuchBackup(door, missing)
      print(context, 'No backups found')
      return OK
    }
    const names = backups.map((backup) => backup.metadata.name)
    if (flags.confirm !== true) await confirm(context, `Delete ${firstFew(names)} from ${door.place} for good?`)
    for (const backup of backups) print(context, await door.deleteBackup(backup))
    if (missing.length > 0) throw await noSuchBackup(door, missing)
    return OK
  },
})

/** The backups to delete: one that is not there keeps none of the others from it. */
async function asked(
  door: Door,
  names: readonly string[],
  labelSelector: string | undefined,
): Promise<{ backups: Backup[]; missing: string[] }> {
  if (names.length === 0) return { backups: await door.backups(labelSelector), missing: [] }
  const found = await Promise.all(names.map((name) => door.backup(name)))
  return {
    backups: found.filter((backup) => backup !== undefined),
    missing: names.filter((_, index) => found[index] === undefined),
  }
}
