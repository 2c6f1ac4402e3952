import type { Backup } from '#api/backup.ts'
import { hasEnded } from '#api/phases.ts'
import type { Restore } from '#api/restore.ts'
import { formatSelector } from '#selection/label-selector.ts'
import { assertOneChoice } from '../chosen.ts'
import { command, type Command } from '../command.ts'
import { doorFlags, openDoor } from '../connection.ts'
import { print } from '../context.ts'
import type { Door } from '../door.ts'
import { OK } from '../exit.ts'
import { selector, toggle } from '../flag.ts'
import { namedBackups } from './backup-get.ts'
import { restoreNamed } from './restore-get.ts'

export const backupCancel = cancelling<Backup>('backup', {
  summary: 'End backups before their time; nothing of them stays in the store',
  named: namedBackups,
  all: (door, labels) => door.backups(labels),
  cancel: (door, backup) => door.cancelBackup(backup),
})

export const restoreCancel = cancelling<Restore>('restore', {
  summary: 'End restores before their time; what they have restored stays in the cluster',
  named: (door, names) => Promise.all(names.map((name) => restoreNamed(door, name))),
  all: (door, labels) => door.restores(labels),
  cancel: (door, restore) => door.cancelRestore(restore),
})

interface Cancelling<T> {
  readonly summary: string
  readonly named: (door: Door, names: readonly string[]) => Promise<T[]>
  readonly all: (door: Door, labelSelector: string | undefined) => Promise<T[]>
  readonly cancel: (door: Door, object: T) => Promise<string>
}

function cancelling<T extends Backup | Restore>(
  noun: 'backup' | 'restore',
  { summary, named, all, cancel }: Cancelling<T>,
): Command {
  return command({
    path: [noun, 'cancel'],
    summary,
    args: '[names...]',
    flags: {
      ...doorFlags,
      all: toggle(`every ${noun} that has not ended`),
      selector: selector(`every ${noun} with these labels that has not ended`, { short: 'l' }),
    },
    async run({ args, flags, context }) {
      assertOneChoice(args, flags)
      await using door = await openDoor(context, flags)
      const chosen =
        args.length > 0
          ? await named(door, [...new Set(args)])
          : (await all(door, flags.selector && formatSelector(flags.selector))).filter(canEnd)
      if (chosen.length === 0) print(context, `No ${noun} is under way or waits`)
      for (const object of chosen) {
        const { name } = object.metadata
        const phase = object.status?.phase ?? ''
        if (canEnd(object)) print(context, await cancel(door, object))
        else print(context, `${noun} "${name}" is ${phase} already: nothing to cancel`)
      }
      return OK
    },
  })
}

function canEnd({ status }: Backup | Restore): boolean {
  return !hasEnded(status?.phase) && status?.phase !== 'Deleting'
}
