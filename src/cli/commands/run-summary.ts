import type { Backup } from '#api/backup.ts'
import { hasEnded } from '#api/phases.ts'
import type { Restore } from '#api/restore.ts'
import { colourPhase, coloursOf } from '../colour.ts'
import type { CliContext } from '../context.ts'
import type { Door } from '../door.ts'
import { openProgressLine, type Standing } from '../progress-line.ts'
import { counted, formatMillis } from '../units.ts'

/** A run that was started, followed as far as was asked for. */
export interface Followed<T> {
  readonly run: T
  /** Milliseconds from the request to now. */
  readonly elapsed: number
}

/** Runs `work` under a live progress line and takes the time. */
export async function follow<T>(
  context: CliContext,
  work: (onStanding: (standing: Standing) => void) => Promise<T>,
): Promise<Followed<T>> {
  using line = openProgressLine(context)
  const began = performance.now()
  const run = await work((standing) => line.show(standing))
  return { run, elapsed: performance.now() - began }
}

interface Place {
  readonly door: Door
  readonly context: CliContext
}

/** What is said when `backup create` returns: how it ended, or that the server has it, and what to type next. */
export function backupSummary({ run, elapsed }: Followed<Backup>, { door, context }: Place): string {
  const command = `lifeboat ${door.flags}backup`
  if (!hasEnded(run.status?.phase)) return submitted('Backup', run.metadata.name, command)
  const count = counted(run.status?.progress?.itemsBackedUp ?? 0, 'object')
  const first = `Backup ${run.metadata.name}: ${phaseOf(run, context)}, ${count} in ${door.place}, in ${formatMillis(elapsed)}`
  return [first, ...trouble(run, command)].join('\n')
}

/** As `backupSummary`, for `restore create`. */
export function restoreSummary({ run, elapsed }: Followed<Restore>, { door, context }: Place): string {
  const command = `lifeboat ${door.flags}restore`
  if (!hasEnded(run.status?.phase)) return submitted('Restore', run.metadata.name, command)
  const count = counted(run.status?.progress?.itemsRestored ?? 0, 'object')
  const first = `Restore ${run.metadata.name}: ${phaseOf(run, context)}, ${count} looked at, in ${formatMillis(elapsed)}`
  return [first, ...trouble(run, command)].join('\n')
}

function phaseOf({ status }: Backup | Restore, context: CliContext): string {
  return colourPhase(status?.phase ?? 'New', coloursOf(context))
}

function submitted(noun: string, name: string, command: string): string {
  return `${noun} request "${name}" submitted successfully.\nRun \`${command} describe ${name}\` or \`${command} logs ${name}\` for more details.`
}

/** Everything that went wrong, and where to read more. */
function trouble({ status, metadata: { name } }: Backup | Restore, command: string): string[] {
  const lines = (status?.validationErrors ?? []).map((problem) => `  ${problem}`)
  if (status?.failureReason !== undefined) lines.push(`  ${status.failureReason}`)
  const [errors, warnings] = [status?.errors ?? 0, status?.warnings ?? 0]
  if (errors + warnings === 0) return lines
  return [
    ...lines,
    `  ${counted(errors, 'error')}, ${counted(warnings, 'warning')}: see \`${command} describe ${name}\` or \`${command} logs ${name}\``,
  ]
}
