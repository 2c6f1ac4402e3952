import { Backups } from '#api/backup.ts'
import { ApiError } from '#api/error.ts'
import { Notifications, type Condition, type Notification, type NotificationStatus } from '#api/notification.ts'
import { readObject } from '#api/read.ts'
import { Restores } from '#api/restore.ts'
import { timestamp } from '#api/timestamp.ts'
import { messageOf as composed } from '#notify/message.ts'
import { newsFor, type EndedRun, type KnownSchedule, type News } from '#notify/news.ts'
import { messageOf, type Controller, type Environment, type Next } from '#runtime/controller.ts'
import type { BackupLedger } from './backup-ledger.ts'
import { sendMessage } from './notification-send.ts'
import {
  endedBackup,
  endedRestore,
  interestOf,
  knownSchedule,
  notificationProblems,
  withCondition,
} from './notification-step.ts'
import type { RestoreLedger } from './restore-ledger.ts'
import { toldKey } from './run-end.ts'
import type { KnownSchedules } from './schedule-ledger.ts'
import { patchLasting } from './status-patch.ts'

export interface NotificationControllerOptions {
  /** ms between two looks for news. */
  readonly period: number
  /** From `clusterIdentity`: news of other clusters is told there. */
  readonly cluster: string | undefined
  /** Which runs and schedules there are: all Notifications look at the same, and ask the API server for nothing. */
  readonly known: { backups: BackupLedger; restores: RestoreLedger; schedules: KnownSchedules }
  readonly onSent: (name: string, result: 'sent' | 'failed') => void
}

/**
 * Tells what Notifications ask for. What was told is noted on the Backup or Restore itself, so that it is told once, by whichever process; one that
 * dies between sending and noting tells it twice rather than never.
 */
export function notificationController(options: NotificationControllerOptions): Controller<Notification> {
  return {
    name: 'notification',
    type: Notifications,
    async reconcile(found, environment): Promise<Next> {
      const { problems, notification } = read(found)
      if (problems.length > 0) {
        await recordReady(found, problems.join('; '), environment)
        return undefined
      }
      await recordReady(notification, undefined, environment)
      if (notification.spec.paused === true) return undefined
      const { runs, schedules } = await gather(notification, environment, options)
      const news = newsFor(interestOf(notification), { runs, schedules, now: environment.now() })
      if (news.length > 0) await tell(news, { notification, schedules, environment, options })
      return { afterMillis: options.period }
    },
  }
}

function read(found: Notification): { notification: Notification; problems: string[] } {
  try {
    const notification = readObject(Notifications, found)
    return { notification, problems: notificationProblems(notification) }
  } catch (error) {
    if (error instanceof ApiError) return { notification: found, problems: [error.message] }
    throw error
  }
}

async function gather(
  notification: Notification,
  environment: Environment,
  { cluster, known }: NotificationControllerOptions,
): Promise<{ runs: EndedRun[]; schedules: KnownSchedule[] }> {
  const facts = { notification: notification.metadata.name, cluster }
  const backups = (await known.backups.all(environment)).map((backup) => endedBackup(backup, facts))
  const restores = (await known.restores.all(environment)).map((restore) => endedRestore(restore, facts))
  const schedules = await known.schedules.all(environment)
  return {
    runs: [...backups, ...restores].filter((run) => run !== undefined),
    schedules: schedules.map((schedule) => knownSchedule(schedule, notification)),
  }
}

interface Telling {
  readonly notification: Notification
  readonly schedules: readonly KnownSchedule[]
  readonly environment: Environment
  readonly options: NotificationControllerOptions
}

/** Sends one message about all of it and notes that it was told. Rejects when it could not be sent: then it is tried again. */
async function tell(news: readonly News[], telling: Telling): Promise<void> {
  const { notification, environment, options } = telling
  const { now, log, namespace } = environment
  const { name } = notification.metadata
  const from = { notification: name, namespace, cluster: notification.spec.clusterName ?? '', time: now() }
  const message = composed(news, from)
  let remark: string
  try {
    remark = await sendMessage(message, notification, environment)
  } catch (error) {
    environment.signal.throwIfAborted()
    options.onSent(name, 'failed')
    await recordFailure(notification, messageOf(error), environment)
    throw error
  }
  options.onSent(name, 'sent')
  log.info({ notification: name, news: news.length, remark: remark || undefined }, message.title)
  await noteTold(news, telling)
  const time = timestamp(now())
  const delivered = { type: 'Delivered', status: 'True', reason: 'Sent', message: remark } as const
  await patchStatus(notification, environment, {
    lastSent: time,
    lastMessage: message.title,
    lastError: remark || null,
    overdue: overdueNow(news, telling, time),
    conditions: withCondition(notification.status?.conditions, delivered, time),
  })
}

/** Those who look next must see it: what was told is not told again. */
async function noteTold(
  news: readonly News[],
  { notification, environment, options: { known } }: Telling,
): Promise<void> {
  const { kube, namespace, now } = environment
  const annotations = { [toldKey(notification.metadata.name)]: timestamp(now()) }
  for (const one of news) {
    if (one.event === 'Overdue') continue
    const object = { name: one.run.name, namespace, change: { metadata: { annotations } } }
    if (one.run.kind === 'Backup') {
      const backup = await patchLasting(kube, Backups, object)
      if (backup !== undefined) known.backups.wrote(backup)
    } else {
      const restore = await patchLasting(kube, Restores, object)
      if (restore !== undefined) known.restores.wrote(restore)
    }
  }
}

/** What the Notification has to remember: schedules that are gone are forgotten. As a merge patch. */
function overdueNow(
  news: readonly News[],
  { notification, schedules }: Telling,
  time: string,
): Record<string, string | null> {
  const there = new Set(schedules.map(({ name }) => name))
  const gone = Object.keys(notification.status?.overdue ?? {}).filter((name) => !there.has(name))
  const told = news.flatMap((one) => (one.event === 'Overdue' ? [one.schedule] : []))
  return {
    ...Object.fromEntries(gone.map((name) => [name, null])),
    ...Object.fromEntries(told.map((name) => [name, time])),
  }
}

async function recordReady(
  notification: Notification,
  problem: string | undefined,
  environment: Environment,
): Promise<void> {
  const ready: Omit<Condition, 'lastTransitionTime'> =
    problem === undefined
      ? { type: 'Ready', status: 'True', reason: 'Valid', message: '' }
      : { type: 'Ready', status: 'False', reason: 'Invalid', message: problem }
  await recordCondition(notification, ready, environment)
}

/** Without a time: as long as the reason stays the same nothing is written, since each change would be a reason to try again at once. */
async function recordFailure(notification: Notification, lastError: string, environment: Environment): Promise<void> {
  const failed = { type: 'Delivered', status: 'False', reason: 'SendingFailed', message: lastError } as const
  await recordCondition(notification, failed, environment, { lastError })
}

async function recordCondition(
  notification: Notification,
  next: Omit<Condition, 'lastTransitionTime'>,
  environment: Environment,
  rest: Partial<NotificationStatus> = {},
): Promise<void> {
  const before = notification.status?.conditions?.find(({ type }) => type === next.type)
  if (before?.status === next.status && before.message === next.message) return
  const time = timestamp(environment.now())
  const conditions = withCondition(notification.status?.conditions, next, time)
  await patchStatus(notification, environment, { ...rest, conditions })
  // Whoever writes next builds on it.
  notification.status = { ...notification.status, conditions }
}

async function patchStatus(
  { metadata: { name } }: Notification,
  { kube, namespace }: Environment,
  status: object,
): Promise<void> {
  await patchLasting(kube, Notifications, { name, namespace, change: { status } })
}
