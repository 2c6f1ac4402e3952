import { Restores, type Restore } from '#api/restore.ts'
import { apiVersionOf } from '#kube/object.ts'
import { formatSelector } from '#selection/label-selector.ts'
import { command } from '../command.ts'
import { doorFlags, openDoor } from '../connection.ts'
import type { Door } from '../door.ts'
import { OK, UserError } from '../exit.ts'
import { selector } from '../flag.ts'
import { labelColumns, printObjects, tableFlags } from '../output.ts'
import { firstFew } from './backup-get.ts'
import { restoreColumns } from './restore-columns.ts'

export const restoreGet = command({
  path: ['restore', 'get'],
  also: [
    ['get', 'restores'],
    ['get', 'restore'],
  ],
  summary: 'List restores',
  args: '[names...]',
  flags: { ...doorFlags, ...tableFlags, selector: selector('only restores with these labels', { short: 'l' }) },
  async run({ args, flags, context }) {
    await using door = await openDoor(context, flags)
    const restores =
      args.length > 0
        ? await Promise.all(args.map((name) => restoreNamed(door, name)))
        : await door.restores(flags.selector && formatSelector(flags.selector))
    printObjects(context, restores, {
      format: flags.output,
      columns: [...restoreColumns(context), ...labelColumns<Restore>(flags)],
      type: { apiVersion: apiVersionOf(Restores), kind: Restores.kind },
      none: `No restores in ${door.place}. Make one with: lifeboat restore create --from-backup NAME`,
    })
    return OK
  },
})

/** The restore called `name`; UserError that lists what there is when it is not there. */
export async function restoreNamed(door: Door, name: string): Promise<Restore> {
  const restore = await door.restore(name)
  if (restore !== undefined) return restore
  const others = (await door.restores()).map((other) => other.metadata.name)
  const hint = others.length === 0 ? 'there are no restores' : `there are: ${firstFew(others)}`
  throw new UserError(`no restore "${name}" in ${door.place}; ${hint}`)
}
