import { formatSelector } from '#selection/label-selector.ts'
import { command } from '../command.ts'
import { doorFlags, openDoor } from '../connection.ts'
import { print, type CliContext } from '../context.ts'
import { OK, USAGE, UserError } from '../exit.ts'
import { selector, toggle } from '../flag.ts'
import { firstFew, namedBackups } from './backup-get.ts'

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
    const ways = [args.length > 0, flags.all === true, flags.selector !== undefined].filter(Boolean).length
    if (ways !== 1)
      throw new UserError('say which: names, --all, or --selector (exactly one of them)', { exitCode: USAGE })
    await using door = await openDoor(context, flags)
    const backups =
      args.length > 0
        ? await namedBackups(door, args)
        : await door.backups(flags.selector && formatSelector(flags.selector))
    if (backups.length === 0) {
      print(context, 'No backups found')
      return OK
    }
    const names = backups.map((backup) => backup.metadata.name)
    if (flags.confirm !== true) await confirm(context, `Delete ${firstFew(names)} from ${door.place} for good?`)
    for (const backup of backups) print(context, await door.deleteBackup(backup))
    return OK
  },
})

/** Asks a yes-or-no question; UserError when the answer is no or nobody is there to answer. */
export async function confirm(context: CliContext, question: string): Promise<void> {
  if (!context.terminal.stdin) throw new UserError(`nothing was deleted: add --confirm to go ahead without a question`)
  const answer = await context.ask(`${question} (y/N) `)
  if (!/^y(es)?$/i.test(answer.trim())) throw new UserError('nothing was deleted')
}
