import { isDuration, parseDuration } from '#api/duration.ts'
import { notificationEvents, type Condition, type Notification } from '#api/notification.ts'
import { isAddress } from '#notify/mail.ts'
import type { EndedRun, Interest, KnownSchedule } from '#notify/news.ts'
import { unknownWord } from '#notify/webhook.ts'
import type { BackupExtract } from './backup-ledger.ts'
import type { RestoreExtract } from './restore-ledger.ts'
import { toldKey, type RunEnd } from './run-end.ts'
import type { ScheduleExtract } from './schedule-ledger.ts'

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

/** A backup that has ended here; undefined for one that has not, or that another cluster made. */
export function endedBackup(
  backup: BackupExtract,
  facts: { notification: string; cluster: string | undefined },
): EndedRun | undefined {
  const { end, scheduledIn, completionTimestamp, created, schedule } = backup
  if (end === undefined) return undefined
  const isForeign =
    scheduledIn === undefined || facts.cluster === undefined
      ? completionTimestamp !== undefined && Date.parse(created) > Date.parse(end.ended) + SKEW_MS
      : scheduledIn !== facts.cluster
  return isForeign ? undefined : { ...endedRun(backup.name, end, facts), kind: 'Backup', schedule }
}

/** A restore that has ended; undefined for one that has not. */
export function endedRestore({ name, end }: RestoreExtract, facts: { notification: string }): EndedRun | undefined {
  return end === undefined ? undefined : { ...endedRun(name, end, facts), kind: 'Restore', schedule: '' }
}

function endedRun(
  name: string,
  { phase, ended, reason, told: times }: RunEnd,
  { notification }: { notification: string },
): Omit<EndedRun, 'kind' | 'schedule'> {
  const told = times[toldKey(notification)]
  return { name, phase, ended: new Date(ended), reason, told: told === undefined ? undefined : new Date(told) }
}

/** A schedule, with what the Notification remembers of it. */
export function knownSchedule({ name, created, paused }: ScheduleExtract, { status }: Notification): KnownSchedule {
  const told = status?.overdue?.[name]
  return { name, created: new Date(created ?? 0), paused, toldOverdue: told === undefined ? undefined : new Date(told) }
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
