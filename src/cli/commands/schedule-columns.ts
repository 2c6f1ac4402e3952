import type { Schedule } from '#api/schedule.ts'
import { scheduleStep } from '#controllers/schedule-step.ts'
import { formatSelector } from '#selection/label-selector.ts'
import { colourPhase, coloursOf } from '../colour.ts'
import type { CliContext } from '../context.ts'
import type { Column } from '../table.ts'
import { formatAge } from '../units.ts'

/** The columns of `schedule get`, Velero's in Velero's order (spec/cli.md §8). */
export function scheduleColumns(context: CliContext): Column<Schedule>[] {
  const now = context.now()
  const colours = coloursOf(context)
  return [
    { heading: 'NAME', text: ({ metadata }) => metadata.name },
    { heading: 'STATUS', text: ({ status }) => colourPhase(status?.phase ?? 'New', colours) },
    { heading: 'CREATED', text: ({ metadata }) => metadata.creationTimestamp ?? '<nil>' },
    { heading: 'SCHEDULE', text: ({ spec }) => spec.schedule },
    { heading: 'BACKUP TTL', text: ({ spec }) => spec.template.ttl ?? '0s' },
    { heading: 'LAST BACKUP', text: ({ status }) => ago(status?.lastBackup, now) },
    { heading: 'NEXT BACKUP', wide: true, text: (schedule) => nextBackupText(schedule, now) },
    {
      heading: 'SELECTOR',
      text: ({ spec }) => (spec.template.labelSelector ? formatSelector(spec.template.labelSelector) : '<none>'),
    },
    { heading: 'PAUSED', text: ({ spec }) => String(spec.paused ?? false) },
  ]
}

function ago(time: unknown, now: Date): string {
  return typeof time === 'string' ? `${formatAge(new Date(time), now)} ago` : 'n/a'
}

/** When the next backup is due, or why none is. */
export function nextBackupText(schedule: Schedule, now: Date): string {
  const step = scheduleStep(schedule, { now, skipByDefault: false })
  switch (step.do) {
    case 'refuse':
      return '<invalid>'
    case 'rest':
      return '<paused>'
    case 'wait':
      return `${step.until.toISOString().replace('.000Z', 'Z')} (in ${formatAge(step.until, now)})`
    case 'start':
      return 'now'
    case 'skip':
      return 'after what is due now'
  }
}
