import { formatSelector } from '#selection/label-selector.ts'
import { assertOneChoice, confirm } from '../chosen.ts'
import { command } from '../command.ts'
import { doorFlags, openDoor } from '../connection.ts'
import { print } from '../context.ts'
import { OK } from '../exit.ts'
import { selector, toggle } from '../flag.ts'
import { firstFew } from './backup-get.ts'
import { restoreNamed } from './restore-get.ts'

export const restoreDelete = command({
  path: ['restore', 'delete'],
  also: [
    ['delete', 'restore'],
    ['delete', 'restores'],
  ],
  summary: 'Delete restores, with their logs and results; what they restored stays in the cluster',
  args: '[names...]',
  flags: {
    ...doorFlags,
    all: toggle('delete every restore'),
    selector: selector('delete the restores with these labels', { short: 'l' }),
    confirm: toggle('do not ask'),
  },
  async run({ args, flags, context }) {
    assertOneChoice(args, flags)
    await using door = await openDoor(context, flags)
    const restores =
      args.length > 0
        ? await Promise.all([...new Set(args)].map((name) => restoreNamed(door, name)))
        : await door.restores(flags.selector && formatSelector(flags.selector))
    if (restores.length === 0) {
      print(context, 'No restores found')
      return OK
    }
    const names = restores.map((restore) => restore.metadata.name)
    if (flags.confirm !== true)
      await confirm(context, `Delete ${firstFew(names)} from ${door.place}? What was restored stays in the cluster.`)
    for (const restore of restores) print(context, await door.deleteRestore(restore))
    return OK
  },
})
