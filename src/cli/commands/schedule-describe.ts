import { annotationKeys } from '#api/labels.ts'
import type { Schedule } from '#api/schedule.ts'
import { colourPhase, coloursOf } from '../colour.ts'
import { command } from '../command.ts'
import { print, type CliContext } from '../context.ts'
import { pairs, renderDescription, type Line } from '../describe.ts'
import { OK } from '../exit.ts'
import { choice, selector } from '../flag.ts'
import { printDocument } from '../output.ts'
import { policyLines, specLines } from './backup-spec-lines.ts'
import { nextBackupText } from './schedule-columns.ts'
import { openSchedules, scheduleFlags } from './schedule-home.ts'

export const scheduleDescribe = command({
  path: ['schedule', 'describe'],
  also: [
    ['describe', 'schedule'],
    ['describe', 'schedules'],
  ],
  summary: 'Show everything about schedules',
  args: '[names...]',
  flags: {
    ...scheduleFlags,
    selector: selector('only schedules with these labels', { short: 'l' }),
    output: choice('how to print', ['plaintext', 'json', 'yaml'], { short: 'o' }),
  },
  async run({ args, flags, context }) {
    await using home = await openSchedules(context, flags)
    const schedules =
      args.length > 0 ? await Promise.all(args.map((name) => home.named(name))) : await home.all(flags.selector)
    if (flags.output === 'json' || flags.output === 'yaml')
      printDocument(context, schedules.length === 1 ? schedules[0] : schedules, flags.output)
    else print(context, schedules.map((schedule) => describe(schedule, context)).join('\n\n'))
    return OK
  },
})

/** The sections of `velero schedule describe` in its order (spec/cli.md §9.4), with what comes next and what is kept. */
function describe(schedule: Schedule, context: CliContext): string {
  const { metadata, spec, status } = schedule
  const problems = status?.validationErrors ?? []
  const head: Line[] = [
    ['Name', metadata.name],
    ['Namespace', metadata.namespace ?? ''],
    ['Labels', pairs(metadata.labels)],
    ['Annotations', pairs(metadata.annotations)],
    '',
    ['Phase', colourPhase(status?.phase ?? 'New', coloursOf(context))],
    ...policyLines(spec.template),
    ...(problems.length > 0 ? ['' as const, { heading: 'Validation errors:', lines: problems }] : []),
    '',
    ['Paused', String(spec.paused ?? false)],
    '',
    ['Schedule', spec.schedule],
    '',
  ]
  const tail: Line[] = [
    ['Last Backup', status?.lastBackup ?? '<never>'],
    ['Next Backup', nextBackupText(schedule, context.now())],
    ['Retention', metadata.annotations?.[annotationKeys.retention] ?? '<time to live>'],
  ]
  const template = renderDescription(specLines(spec.template)).replaceAll(/^(?=.)/gm, '  ')
  return `${renderDescription(head)}\nBackup Template:\n${template}\n${renderDescription(tail)}`
}
