import { createGunzip } from 'node:zlib'
import { pipeline } from 'node:stream/promises'
import { hasEnded } from '#api/phases.ts'
import { command } from '../command.ts'
import { doorFlags, openDoor, patientDownloadFlags } from '../connection.ts'
import type { CliContext } from '../context.ts'
import { OK, UserError } from '../exit.ts'
import { backupNamed } from './backup-get.ts'

export const backupLogs = command({
  path: ['backup', 'logs'],
  summary: 'Print the log of a backup',
  args: '<name>',
  flags: { ...doorFlags, ...patientDownloadFlags },
  async run({ args, flags, context }) {
    const [name = ''] = args
    await using door = await openDoor(context, flags)
    const backup = await backupNamed(door, name)
    refuseWithoutLog(`backup "${name}"`, backup.status?.phase)
    const log = await door.backupArtifact(name, 'logs')
    if (log === undefined) {
      const why = backup.status?.failureReason
      throw new UserError(
        `backup "${name}" has no log in ${door.place}${why === undefined ? '' : `; it failed: ${why}`}`,
      )
    }
    await printGunzipped(context, log)
    return OK
  },
})

/** UserError when a backup or restore in this phase has no log yet, or never will. It has one before its asynchronous operations end (spec/cli.md §3.2). */
export function refuseWithoutLog(what: string, phase: Parameters<typeof hasEnded>[0]): void {
  if (phase === 'FailedValidation') throw new UserError(`${what} was refused and never ran, so it has no log`)
  if (hasEnded(phase) || phase?.startsWith('WaitingForPluginOperations') === true) return
  throw new UserError(`${what} is ${phase ?? 'New'}: its log is there once it has ended`)
}

/** Copies gzip'd text to standard output. */
export async function printGunzipped(context: CliContext, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  await pipeline(bytes, createGunzip(), context.stdout, { end: false, signal: context.signal })
}
