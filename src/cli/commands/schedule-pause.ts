import { Schedules, type Schedule } from '#api/schedule.ts'
import { command, type Command } from '../command.ts'
import { print } from '../context.ts'
import { OK } from '../exit.ts'
import { toggle } from '../flag.ts'
import { nextBackupText } from './schedule-columns.ts'
import { chosenFlags, chosenSchedules, openSchedules, scheduleFlags } from './schedule-home.ts'

export const schedulePause = changing('pause', { paused: true, summary: 'Make no backups for the time being' })
export const scheduleUnpause = changing('unpause', { paused: false, summary: 'Make backups by the clock again' })

function changing(verb: 'pause' | 'unpause', { paused, summary }: { paused: boolean; summary: string }): Command {
  return command({
    path: ['schedule', verb],
    summary,
    args: '[names...]',
    flags: {
      ...scheduleFlags,
      ...chosenFlags,
      'skip-immediately': toggle('leave out what was missed meanwhile, once it is unpaused'),
    },
    async run({ args, flags, context }) {
      await using home = await openSchedules(context, flags)
      const schedules = await chosenSchedules(home, args, flags)
      if (schedules.length === 0) print(context, 'No schedules found')
      for (const { metadata, spec } of schedules) {
        if ((spec.paused ?? false) === paused) {
          print(context, `Schedule ${metadata.name} is ${paused ? 'paused already' : 'not paused'}: nothing changed`)
          continue
        }
        // As Velero: without the flag the server decides.
        const change = { spec: { paused, skipImmediately: flags['skip-immediately'] ?? null } }
        const { namespace, kube } = home
        const { signal } = context
        const changed = await kube.patch(Schedules, metadata.name, { merge: change }, { namespace, signal })
        print(context, `Schedule ${metadata.name} ${verb}d successfully${paused ? '' : next(changed, context.now())}`)
      }
      return OK
    },
  })
}

function next(schedule: Schedule, now: Date): string {
  return `, next backup: ${nextBackupText(schedule, now)}`
}
