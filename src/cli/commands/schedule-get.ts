import type { Schedule } from '#api/schedule.ts'
import { command } from '../command.ts'
import { OK } from '../exit.ts'
import { selector } from '../flag.ts'
import { labelColumns, printObjects, tableFlags } from '../output.ts'
import { scheduleColumns } from './schedule-columns.ts'
import { openSchedules, scheduleFlags } from './schedule-home.ts'

export const scheduleGet = command({
  path: ['schedule', 'get'],
  also: [
    ['get', 'schedules'],
    ['get', 'schedule'],
  ],
  summary: 'List schedules',
  args: '[names...]',
  flags: {
    ...scheduleFlags,
    selector: selector('only schedules with these labels', { short: 'l' }),
    ...tableFlags,
  },
  async run({ args, flags, context }) {
    await using home = await openSchedules(context, flags)
    const schedules =
      args.length > 0 ? await Promise.all(args.map((name) => home.named(name))) : await home.all(flags.selector)
    printObjects(context, schedules, {
      format: flags.output,
      columns: [...scheduleColumns(context), ...labelColumns<Schedule>(flags)],
      none: `No schedules in namespace ${home.namespace}. Make one with: lifeboat schedule create NAME --schedule @daily`,
    })
    return OK
  },
})
