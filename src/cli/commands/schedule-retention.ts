import { Backups, type Backup } from '#api/backup.ts'
import { annotationKeys, labelKeys, labelValue } from '#api/labels.ts'
import { Schedules, type Schedule } from '#api/schedule.ts'
import { clusterIdentity } from '#controllers/cluster-identity.ts'
import { scheduleStep } from '#controllers/schedule-step.ts'
import { formatRetention, parseRetention } from '#schedule/retention-rules.ts'
import { command } from '../command.ts'
import { note, print, type CliContext } from '../context.ts'
import { OK, USAGE, UserError } from '../exit.ts'
import { choice, text, toggle } from '../flag.ts'
import { printDocument } from '../output.ts'
import { renderTable } from '../table.ts'
import { counted } from '../units.ts'
import { retentionView, type RetentionRow, type RetentionView } from './retention-view.ts'
import { openSchedules, scheduleFlags, type ScheduleHome } from './schedule-home.ts'

export const scheduleRetention = command({
  path: ['schedule', 'retention'],
  summary: 'Show which backups of a schedule are kept, why, and when they go; or set the rules',
  args: '<name>',
  flags: {
    ...scheduleFlags,
    rules: text('rules such as keep-last=3,daily=7,weekly=4; none leaves it to the time to live', { metavar: 'RULES' }),
    preview: toggle('change nothing: only show what the rules would do'),
    output: choice('how to print', ['table', 'json', 'yaml'], { short: 'o' }),
  },
  examples: [
    'lifeboat schedule retention nightly',
    'lifeboat schedule retention nightly --rules keep-last=3,daily=7,weekly=4,monthly=12,yearly=3 --preview',
    'lifeboat schedule retention nightly --rules daily=14',
  ],
  async run({ args: [name = ''], flags, context }) {
    const rules = flags.rules === undefined ? undefined : rulesFrom(flags.rules)
    await using home = await openSchedules(context, flags)
    const found = await home.named(name)
    const schedule = rules === undefined ? found : withRules(found, rules)
    const view = await viewOf(schedule, home, context)
    if (rules !== undefined && flags.preview !== true) {
      const merge = { metadata: { annotations: { [annotationKeys.retention]: rules } } }
      const { namespace, kube } = home
      await kube.patch(Schedules, name, { merge }, { namespace, signal: context.signal })
      note(context, `Rules of schedule ${name} set.`)
    }
    if (flags.output === 'json' || flags.output === 'yaml') printDocument(context, view, flags.output)
    else print(context, describe(view))
    return OK
  },
})

/** The annotation's value; null takes it away. UserError for rules that make no sense. */
export function rulesFrom(given: string): string | null {
  if (given === 'none') return null
  try {
    return formatRetention(parseRetention(given))
  } catch (error) {
    throw new UserError(error instanceof Error ? error.message : String(error), { exitCode: USAGE, cause: error })
  }
}

function withRules({ metadata, ...schedule }: Schedule, rules: string | null): Schedule {
  const { [annotationKeys.retention]: _before, ...others } = metadata.annotations ?? {}
  const annotations = rules === null ? others : { ...others, [annotationKeys.retention]: rules }
  return { ...schedule, metadata: { ...metadata, annotations } }
}

async function viewOf(schedule: Schedule, home: ScheduleHome, context: CliContext): Promise<RetentionView> {
  const { kube, namespace } = home
  const { signal } = context
  const { name } = schedule.metadata
  const step = scheduleStep(schedule, { now: context.now(), skipByDefault: false })
  if (step.do === 'refuse') throw new UserError(`schedule ${name} makes no backups: ${step.problems.join('; ')}`)
  const labelSelector = `${labelKeys.scheduleName}=${labelValue(name)}`
  const backups: Backup[] = []
  for await (const { items } of kube.pages(Backups, { namespace, labelSelector, signal })) backups.push(...items)
  const cluster = await clusterIdentity(kube, signal)
  if (cluster === undefined) {
    throw new UserError('who may not read namespace kube-system cannot tell the backups of this cluster from others')
  }
  return retentionView(schedule, backups, { cluster, now: context.now() })
}

function describe({ schedule, rules, timeZone, problem, backups }: RetentionView): string {
  const by =
    rules === null
      ? 'no rules: the time to live of each backup decides'
      : `${rules} (days, weeks and months of ${timeZone})`
  const going = backups.filter(({ kept }) => !kept).length
  return [
    `Schedule ${schedule}: ${problem ?? by}`,
    ...(backups.length === 0 ? [] : ['', renderTable(columns, backups)]),
    backups.length === 0
      ? 'It has made no backups yet.'
      : `${counted(backups.length - going, 'backup')} kept; ${going === 0 ? 'none goes' : `${going} would go`} when the server looks next.`,
  ].join('\n')
}

const columns = [
  { heading: 'BACKUP', text: ({ backup }: RetentionRow) => backup },
  { heading: 'TAKEN', text: ({ takenAt }: RetentionRow) => takenAt },
  { heading: 'STATUS', text: ({ phase }: RetentionRow) => phase },
  { heading: 'KEPT', text: ({ kept }: RetentionRow) => (kept ? 'yes' : 'no') },
  { heading: 'WHY', text: ({ why }: RetentionRow) => why.join(', ') },
  { heading: 'GOES', text: ({ goes }: RetentionRow) => goes },
]
