import { setTimeout as sleep } from 'node:timers/promises'
import { Backups, type Backup } from '#api/backup.ts'
import { Restores } from '#api/restore.ts'
import { messageOf, type Environment } from '#runtime/controller.ts'
import { scheduleOf, type CountedBackup, type ServerMetrics } from './metrics.ts'

const PERIOD_MS = 60_000

/** Counts all backups and restores at once and then every minute, until the environment's signal is aborted. */
export async function takeCensus(environment: Environment, counted: ServerMetrics['counted']): Promise<void> {
  const { signal, log } = environment
  while (!signal.aborted) {
    try {
      counted(await countAll(environment))
    } catch (error) {
      if (!signal.aborted) log.warn({ error: messageOf(error) }, 'cannot count backups and restores')
    }
    await sleep(PERIOD_MS, undefined, { signal }).catch(() => undefined)
  }
}

async function countAll({ kube, namespace, signal }: Environment): Promise<Parameters<ServerMetrics['counted']>[0]> {
  const backups: CountedBackup[] = []
  for await (const { items } of kube.pages(Backups, { namespace, signal })) {
    for (const backup of items) backups.push({ schedule: scheduleOf(backup), completedAt: completedAt(backup) })
  }
  let restores = 0
  for await (const { items } of kube.pages(Restores, { namespace, signal })) restores += items.length
  return { backups, restores }
}

function completedAt({ status }: Backup): number | undefined {
  if (status?.phase !== 'Completed' || typeof status.completionTimestamp !== 'string') return undefined
  return Date.parse(status.completionTimestamp) / 1000
}
