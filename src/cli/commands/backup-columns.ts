import type { Backup } from '#api/backup.ts'
import { parseDuration } from '#api/duration.ts'
import { annotationKeys } from '#api/labels.ts'
import { formatSelector } from '#selection/label-selector.ts'
import { colourPhase, coloursOf } from '../colour.ts'
import type { CliContext } from '../context.ts'
import { instant } from '../describe.ts'
import type { Column } from '../table.ts'
import { formatAge } from '../units.ts'

/** The columns of `backup get`, Velero's in Velero's order (spec/cli.md §8); `wide` adds what a restore wants to know. */
export function backupColumns(context: CliContext): Column<Backup>[] {
  const now = context.now()
  const colours = coloursOf(context)
  return [
    { heading: 'NAME', text: (backup) => backup.metadata.name },
    { heading: 'STATUS', text: (backup) => colourPhase(phaseText(backup), colours) },
    { heading: 'ERRORS', text: (backup) => String(backup.status?.errors ?? 0) },
    { heading: 'WARNINGS', text: (backup) => String(backup.status?.warnings ?? 0) },
    { heading: 'CREATED', text: (backup) => instant(backup.status?.startTimestamp, '<nil>') },
    { heading: 'EXPIRES', text: (backup) => expiryText(backup, now) },
    { heading: 'STORAGE LOCATION', text: (backup) => backup.spec.storageLocation ?? '' },
    { heading: 'OBJECTS', wide: true, text: (backup) => String(backup.status?.progress?.totalItems ?? '') },
    { heading: 'QUEUE POSITION', text: (backup) => String(backup.status?.queuePosition || '') },
    { heading: 'SELECTOR', text: selectorText },
  ]
}

/** The phase as tables show it. */
export function phaseText(backup: Backup): string {
  if (backup.metadata.deletionTimestamp !== undefined) return 'Deleting'
  return backup.status?.phase ?? 'New'
}

/** Newest first among the backups of one schedule (`name-<14 digits>`), otherwise by name. */
export function byName(left: Backup, right: Backup): number {
  const [a, b] = [splitStamp(left.metadata.name), splitStamp(right.metadata.name)]
  return a.stem === b.stem ? compare(b.stamp, a.stamp) : compare(a.stem, b.stem)
}

function splitStamp(name: string): { stem: string; stamp: string } {
  const found = /^(.*)-(\d{14})$/.exec(name)
  return { stem: found?.[1] ?? name, stamp: found?.[2] ?? '' }
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}

function expiryText(backup: Backup, now: Date): string {
  // Made by a schedule with rules, which decide instead of the time to live.
  const { annotations } = backup.metadata
  if (annotations?.[annotationKeys.retention] && annotations[annotationKeys.scheduledIn]) return 'by rules'
  const expiry = expiryOf(backup)
  if (expiry === undefined) return 'n/a'
  return expiry > now ? formatAge(expiry, now) : `${formatAge(expiry, now)} ago`
}

function expiryOf(backup: Backup): Date | undefined {
  if (typeof backup.status?.expiration === 'string') return new Date(backup.status.expiration)
  const { creationTimestamp } = backup.metadata
  const ttl = backup.spec.ttl === undefined ? 0 : parseDuration(backup.spec.ttl)
  return creationTimestamp !== undefined && ttl > 0 ? new Date(Date.parse(creationTimestamp) + ttl) : undefined
}

function selectorText({ spec }: Backup): string {
  return spec.labelSelector ? formatSelector(spec.labelSelector) : '<none>'
}
