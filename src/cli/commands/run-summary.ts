import type { Backup } from '#api/backup.ts'
import { hasEnded } from '#api/phases.ts'
import type { Restore } from '#api/restore.ts'
import { colourPhase, coloursOf } from '../colour.ts'
import type { CliContext } from '../context.ts'
import { formatCount, formatMillis } from '../units.ts'

/** What is said when `backup create` returns: how it ended, or that the server has it, and what to type next. */
export function backupSummary(backup: Backup, place: string, context: CliContext): string {
  const { name } = backup.metadata
  if (!hasEnded(backup.status?.phase)) return submitted('backup', name)
  const count = backup.status?.progress?.itemsBackedUp ?? 0
  return ended('backup', backup, { context, done: `${formatCount(count)} objects in ${place}` })
}

/** As `backupSummary`, for `restore create`. */
export function restoreSummary(restore: Restore, context: CliContext): string {
  const { name } = restore.metadata
  if (!hasEnded(restore.status?.phase)) return submitted('restore', name)
  const count = restore.status?.progress?.itemsRestored ?? 0
  return ended('restore', restore, { context, done: `${formatCount(count)} objects looked at` })
}

function submitted(noun: string, name: string): string {
  const capital = noun.charAt(0).toUpperCase() + noun.slice(1)
  return `${capital} request "${name}" submitted successfully.\nRun \`lifeboat ${noun} describe ${name}\` or \`lifeboat ${noun} logs ${name}\` for more details.`
}

function ended(noun: string, run: Backup | Restore, words: { context: CliContext; done: string }): string {
  const { status } = run
  const { name } = run.metadata
  const phase = colourPhase(status?.phase ?? 'New', coloursOf(words.context))
  const lines = [`${noun === 'backup' ? 'Backup' : 'Restore'} ${name}: ${phase}, ${words.done}${duration(run)}`]
  for (const error of status?.validationErrors ?? []) lines.push(`  ${error}`)
  if (status?.failureReason !== undefined) lines.push(`  ${status.failureReason}`)
  const [errors, warnings] = [status?.errors ?? 0, status?.warnings ?? 0]
  if (errors + warnings > 0) {
    lines.push(
      `  ${errors} errors, ${warnings} warnings: see \`lifeboat ${noun} describe ${name} --details\` or \`lifeboat ${noun} logs ${name}\``,
    )
  }
  return lines.join('\n')
}

function duration({ status }: Backup | Restore): string {
  if (typeof status?.startTimestamp !== 'string' || typeof status.completionTimestamp !== 'string') return ''
  return `, in ${formatMillis(Date.parse(status.completionTimestamp) - Date.parse(status.startTimestamp))}`
}
