import type { Backup } from '#api/backup.ts'
import { isDuration, parseDuration } from '#api/duration.ts'
import { annotationKeys, labelKeys, labelValue } from '#api/labels.ts'
import { notificationEvents, type Condition, type Notification } from '#api/notification.ts'
import { hasEnded } from '#api/phases.ts'
import type { Restore } from '#api/restore.ts'
import type { Schedule } from '#api/schedule.ts'
import { isAddress } from '#notify/mail.ts'
import type { EndedRun, Interest, KnownSchedule } from '#notify/news.ts'
import { unknownWord } from '#notify/webhook.ts'

const REPEAT_MS = 24 * 3_600_000

/** Created by the API server's clock, ended by ours. */
const SKEW_MS = 5000

/** What is wrong with a Notification; empty when nothing is. */
export function notificationProblems({ spec }: Notification): string[] {
  const problems: string[] = []
  if ((spec.webhook === undefined) === (spec.email === undefined))
    problems.push('spec needs exactly one of webhook and email')
  for (const field of ['noGoodBackupFor', 'repeatAfter'] as const) {
    const value = spec[field]
    if (value !== undefined && (!isDuration(value) || parseDuration(value) <= 0))
      problems.push(`spec.${field} must be a positive duration such as 26h, not "${value}"`)
  }
  return [...problems, ...webhookProblems(spec.webhook), ...emailProblems(spec.email)]
}

function webhookProblems(webhook: Notification['spec']['webhook']): string[] {
  if (webhook === undefined) return []
  const problems: string[] = []
  if ((webhook.url === undefined) === (webhook.urlSecret === undefined))
    problems.push('spec.webhook needs exactly one of url and urlSecret')
  const word = webhook.template === undefined ? undefined : unknownWord(webhook.template)
  if (word !== undefined) problems.push(`spec.webhook.template speaks of {{ ${word} }}, which stands for nothing`)
  return problems
}

function emailProblems(email: Notification['spec']['email']): string[] {
  if (email === undefined) return []
  const problems = [email.from, ...email.to]
    .filter((address) => !isAddress(address))
    .map((address) => `spec.email: "${address}" is no address`)
  if (email.to.length === 0) problems.push('spec.email.to names nobody')
  if (email.credentialsSecret !== undefined && email.security === 'none')
    problems.push('spec.email has credentials, which are not sent in the clear: choose security tls or starttls')
  return problems
}

/** What a valid Notification wants to know. */
export function interestOf({ metadata, spec }: Notification): Interest {
  return {
    events: new Set(spec.events ?? notificationEvents),
    schedules: spec.schedules ?? [],
    restores: spec.restores ?? true,
    noGoodBackupFor: spec.noGoodBackupFor === undefined ? undefined : parseDuration(spec.noGoodBackupFor),
    repeatAfter: spec.repeatAfter === undefined ? REPEAT_MS : parseDuration(spec.repeatAfter),
    since: new Date(metadata.creationTimestamp ?? 0),
  }
}

/** The annotation of a Backup or Restore that says when the Notification `name` told of it. */
export function toldKey(name: string): string {
  return `notified.lifeboat.dev/${labelValue(name)}`
}

/** A backup that has ended here; undefined for one that has not, or that another cluster made. */
export function endedBackup(
  backup: Backup,
  facts: { notification: string; cluster: string | undefined },
): EndedRun | undefined {
  const { metadata, status } = backup
  const run = endedRun(backup, facts.notification)
  if (run === undefined) return undefined
  const scheduledIn = metadata.annotations?.[annotationKeys.scheduledIn]
  const isForeign =
    scheduledIn === undefined || facts.cluster === undefined
      ? typeof status?.completionTimestamp === 'string' &&
        Date.parse(metadata.creationTimestamp ?? '') > run.ended.getTime() + SKEW_MS
      : scheduledIn !== facts.cluster
  return isForeign ? undefined : { ...run, kind: 'Backup', schedule: metadata.labels?.[labelKeys.scheduleName] ?? '' }
}

/** A restore that has ended; undefined for one that has not. */
export function endedRestore(restore: Restore, { notification }: { notification: string }): EndedRun | undefined {
  const run = endedRun(restore, notification)
  return run === undefined ? undefined : { ...run, kind: 'Restore', schedule: '' }
}

function endedRun(
  { metadata, status }: Backup | Restore,
  notification: string,
): Omit<EndedRun, 'kind' | 'schedule'> | undefined {
  if (!hasEnded(status?.phase)) return undefined
  const phase = status?.phase as EndedRun['phase']
  // What was refused has no end of its own.
  const ended = status?.completionTimestamp ?? status?.startTimestamp ?? metadata.creationTimestamp ?? ''
  const told = metadata.annotations?.[toldKey(notification)]
  return {
    name: metadata.name,
    phase,
    ended: new Date(ended),
    reason: reasonOf(status),
    told: told === undefined ? undefined : new Date(told),
  }
}

function reasonOf(status: Backup['status'] | Restore['status']): string {
  const { phase, failureReason, validationErrors, errors = 0, warnings = 0 } = status ?? {}
  if (failureReason !== undefined) return failureReason
  if (phase === 'FailedValidation') return (validationErrors ?? []).join('; ')
  return phase === 'PartiallyFailed' ? `${errors} errors, ${warnings} warnings` : ''
}

/** A schedule, with what the Notification remembers of it. */
export function knownSchedule({ metadata, spec }: Schedule, notification: Notification): KnownSchedule {
  const told = notification.status?.overdue?.[metadata.name]
  return {
    name: metadata.name,
    created: new Date(metadata.creationTimestamp ?? 0),
    paused: spec.paused ?? false,
    toldOverdue: told === undefined ? undefined : new Date(told),
  }
}

/** `conditions` with `next` in place of the one of its type; the time is that of the last change of its status. */
export function withCondition(
  conditions: readonly Condition[] | undefined,
  next: Omit<Condition, 'lastTransitionTime'>,
  now: string,
): Condition[] {
  const before = conditions?.find(({ type }) => type === next.type)
  const lastTransitionTime = before?.status === next.status ? before.lastTransitionTime : now
  const others = (conditions ?? []).filter(({ type }) => type !== next.type)
  return [...others, { ...next, lastTransitionTime }].toSorted((a, b) => (a.type < b.type ? 1 : -1))
}
