import { createGunzip } from 'node:zlib'
import { pipeline } from 'node:stream/promises'
import { hasEnded } from '#api/phases.ts'
import { command } from '../command.ts'
import { doorFlags, openDoor } from '../connection.ts'
import type { CliContext } from '../context.ts'
import { OK, UserError } from '../exit.ts'
import { backupNamed } from './backup-get.ts'

export const backupLogs = command({
  path: ['backup', 'logs'],
  summary: 'Print the log of a backup',
  args: '<name>',
  flags: doorFlags,
  async run({ args, flags, context }) {
    const [name = ''] = args
    await using door = await openDoor(context, flags)
    const backup = await backupNamed(door, name)
    if (!hasLog(backup.status?.phase)) {
      throw new UserError(`backup "${name}" is ${backup.status?.phase ?? 'New'}: its log is there once it has ended`)
    }
    const log = await door.backupArtifact(name, 'logs')
    if (log === undefined) throw new UserError(`backup "${name}" has no log in ${door.place}`)
    await printGunzipped(context, log)
    return OK
  },
})

/** A log is stored before asynchronous operations end (spec/cli.md §3.2). */
export function hasLog(phase: Parameters<typeof hasEnded>[0]): boolean {
  return hasEnded(phase) || (phase?.startsWith('WaitingForPluginOperations') ?? false)
}

/** Copies gzip'd text to standard output. */
export async function printGunzipped(context: CliContext, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  await pipeline(bytes, createGunzip(), context.stdout, { end: false, signal: context.signal })
}
