import { command } from '../command.ts'
import { doorFlags, openDoor, patientDownloadFlags } from '../connection.ts'
import { OK, UserError } from '../exit.ts'
import { printGunzipped, refuseWithoutLog } from './backup-logs.ts'
import { restoreNamed } from './restore-get.ts'

export const restoreLogs = command({
  path: ['restore', 'logs'],
  summary: 'Print the log of a restore',
  args: '<name>',
  flags: { ...doorFlags, ...patientDownloadFlags },
  async run({ args, flags, context }) {
    const [name = ''] = args
    await using door = await openDoor(context, flags)
    const restore = await restoreNamed(door, name)
    refuseWithoutLog(`restore "${name}"`, restore.status?.phase)
    const log = await door.restoreArtifact(name, 'logs')
    if (log === undefined) throw new UserError(`restore "${name}" has no log in ${door.place}`)
    await printGunzipped(context, log)
    return OK
  },
})
