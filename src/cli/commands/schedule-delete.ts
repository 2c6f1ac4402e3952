import { Schedules } from '#api/schedule.ts'
import { confirm } from '../chosen.ts'
import { command } from '../command.ts'
import { print } from '../context.ts'
import { OK } from '../exit.ts'
import { toggle } from '../flag.ts'
import { firstFew } from './backup-get.ts'
import { chosenFlags, chosenSchedules, openSchedules, scheduleFlags } from './schedule-home.ts'

export const scheduleDelete = command({
  path: ['schedule', 'delete'],
  also: [
    ['delete', 'schedule'],
    ['delete', 'schedules'],
  ],
  summary: 'Delete schedules; the backups they made stay',
  args: '[names...]',
  flags: { ...scheduleFlags, ...chosenFlags, confirm: toggle('do not ask') },
  async run({ args, flags, context }) {
    await using home = await openSchedules(context, flags)
    const { kube, namespace } = home
    const schedules = await chosenSchedules(home, args, flags)
    if (schedules.length === 0) {
      print(context, 'No schedules found')
      return OK
    }
    const names = schedules.map(({ metadata }) => metadata.name)
    if (flags.confirm !== true)
      await confirm(context, `Delete schedule ${firstFew(names)} from namespace ${namespace}?`)
    for (const { metadata } of schedules) {
      await kube.delete(Schedules, metadata.name, { namespace, uid: metadata.uid, signal: context.signal })
      print(context, `Schedule deleted: ${metadata.name}`)
    }
    return OK
  },
})
