import { annotationKeys } from '#api/labels.ts'
import { Schedules, type Schedule } from '#api/schedule.ts'
import { scheduleStep } from '#controllers/schedule-step.ts'
import { apiVersionOf } from '#kube/object.ts'
import { command } from '../command.ts'
import { serverNamespace } from '../connection.ts'
import { print, type CliContext } from '../context.ts'
import { OK, USAGE, UserError } from '../exit.ts'
import { map, text, toggle, type FlagValues } from '../flag.ts'
import { labelColumns, printObjects, tableFlags } from '../output.ts'
import { installed } from '../server-door.ts'
import { backupSpecFlags, backupSpecFrom } from './backup-flags.ts'
import { nextBackupText, scheduleColumns } from './schedule-columns.ts'
import { openSchedules, refuseStore, scheduleFlags } from './schedule-home.ts'
import { rulesFrom } from './schedule-retention.ts'

const flags = {
  ...scheduleFlags,
  ...backupSpecFlags,
  schedule: text(
    'when: five cron fields, @daily and its like, or @every 6h; CRON_TZ=Europe/Berlin before it, else UTC',
    {
      metavar: 'CRON',
    },
  ),
  labels: map('labels of the schedule, and of its backups'),
  annotations: map('annotations of the schedule, and of its backups'),
  retention: text(
    'which backups are kept, instead of --ttl: keep-last=3,hourly=24,daily=7,weekly=4,monthly=12,yearly=3',
    {
      metavar: 'RULES',
    },
  ),
  'use-owner-references-in-backup': toggle('deleting the schedule deletes the Backup objects it made'),
  'skip-immediately': toggle('leave out what is due already when the server sees it'),
  paused: toggle('make no backups until it is unpaused'),
  ...tableFlags,
}
type Given = FlagValues<typeof flags>

export const scheduleCreate = command({
  path: ['schedule', 'create'],
  also: [['create', 'schedule']],
  summary: 'Make backups by the clock',
  args: '<name>',
  flags,
  examples: [
    'lifeboat schedule create nightly --schedule "0 3 * * *" --ttl 168h',
    'lifeboat schedule create shop --schedule "@every 6h" --include-namespaces shop',
    'lifeboat schedule create nightly --schedule "CRON_TZ=Europe/Berlin 30 2 * * *" --retention daily=7,weekly=4,monthly=12',
  ],
  async run({ args, flags: given, context }) {
    refuseStore(context, given)
    const schedule = scheduleFrom(args[0] ?? '', given, context)
    if (given.output !== undefined) {
      printObjects(context, [schedule], {
        format: given.output,
        columns: [...scheduleColumns(context), ...labelColumns<Schedule>(given)],
        none: '',
      })
      return OK
    }
    await using home = await openSchedules(context, given)
    const { kube, namespace } = home
    const made = await installed(Schedules, () =>
      kube.create(Schedules, schedule, { namespace, signal: context.signal }),
    )
    print(context, `Schedule "${made.metadata.name}" created successfully.`)
    print(context, `Next backup: ${nextBackupText(made, context.now())}`)
    return OK
  },
})

function scheduleFrom(name: string, given: Given, context: CliContext): Schedule {
  if (given.schedule === undefined) throw new UserError('--schedule is needed', { exitCode: USAGE })
  if (given.selector !== undefined && given['or-selector'] !== undefined) {
    throw new UserError('use either --selector or --or-selector, not both', { exitCode: USAGE })
  }
  const { labels } = given
  const annotations = annotationsFrom(given)
  const schedule: Schedule = {
    apiVersion: apiVersionOf(Schedules),
    kind: Schedules.kind,
    metadata: {
      name,
      namespace: serverNamespace(context, given),
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec: {
      template: backupSpecFrom(given),
      schedule: given.schedule,
      useOwnerReferencesInBackup: given['use-owner-references-in-backup'],
      paused: given.paused,
      skipImmediately: given['skip-immediately'],
    },
  }
  const step = scheduleStep(schedule, { now: context.now(), skipByDefault: false })
  if (step.do === 'refuse') throw new UserError(step.problems.join('; '), { exitCode: USAGE })
  return schedule
}

function annotationsFrom({ annotations, retention }: Given): Record<string, string> | undefined {
  const rules = retention === undefined ? null : rulesFrom(retention)
  return rules === null ? annotations : { ...annotations, [annotationKeys.retention]: rules }
}
