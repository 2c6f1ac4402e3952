import { setTimeout as sleep } from 'node:timers/promises'
import { Backups, type Backup } from '#api/backup.ts'
import { Restores } from '#api/restore.ts'
import { isWaiting as waitsToBackUp } from '#controllers/backup-queue.ts'
import { lastWholeBackups, type WholeBackup } from '#controllers/covered-namespaces.ts'
import { isWaiting as waitsToRestore } from '#controllers/restore-queue.ts'
import { Namespaces, type KubeObject } from '#kube/object.ts'
import { messageOf, type Environment } from '#runtime/controller.ts'
import { scheduleOf, type CountedBackup, type ServerMetrics } from './metrics.ts'
import type { Standing } from './own-metrics.ts'

const PERIOD_MS = 60_000

/** Looks at all backups and restores at once and then every minute, until the environment's signal is aborted. */
export async function takeCensus(environment: Environment, metrics: ServerMetrics): Promise<void> {
  const { signal, log } = environment
  while (!signal.aborted) {
    try {
      const { counts, standing } = await countAll(environment)
      metrics.counted(counts)
      metrics.own.stands(standing)
    } catch (error) {
      if (!signal.aborted) log.warn({ error: messageOf(error) }, 'cannot count backups and restores')
    }
    await sleep(PERIOD_MS, undefined, { signal }).catch(() => undefined)
  }
}

interface Census {
  readonly counts: Parameters<ServerMetrics['counted']>[0]
  readonly standing: Standing
}

async function countAll({ kube, namespace, signal }: Environment): Promise<Census> {
  const backups: CountedBackup[] = []
  const whole: WholeBackup[] = []
  let waitingBackups = 0
  for await (const { items } of kube.pages(Backups, { namespace, signal })) {
    for (const backup of items) {
      const ended = completedAt(backup)
      backups.push({ schedule: scheduleOf(backup), completedAt: ended })
      // Of each only what says which namespaces it takes: there may be thousands.
      if (ended !== undefined) whole.push({ spec: backup.spec, completedAt: ended })
      if (waitsToBackUp(backup)) waitingBackups += 1
    }
  }
  let [restores, waitingRestores] = [0, 0]
  for await (const { items } of kube.pages(Restores, { namespace, signal })) {
    restores += items.length
    waitingRestores += items.filter(waitsToRestore).length
  }
  const namespaces: KubeObject[] = []
  for await (const { items } of kube.pages(Namespaces, { signal })) namespaces.push(...items)
  const wholeBackups = lastWholeBackups(whole, namespaces)
  return { counts: { backups, restores }, standing: { waitingBackups, waitingRestores, wholeBackups } }
}

function completedAt({ status }: Backup): number | undefined {
  if (status?.phase !== 'Completed' || typeof status.completionTimestamp !== 'string') return undefined
  return Date.parse(status.completionTimestamp) / 1000
}
