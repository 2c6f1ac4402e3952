import { setTimeout as sleep } from 'node:timers/promises'
import { Restores } from '#api/restore.ts'
import type { BackupExtract, KnownBackups } from '#controllers/backup-ledger.ts'
import { lastWholeBackups, type WholeBackup } from '#controllers/covered-namespaces.ts'
import { isWaiting as waitsToRestore } from '#controllers/restore-queue.ts'
import { Namespaces, type KubeObject } from '#kube/object.ts'
import { messageOf, type Environment } from '#runtime/controller.ts'
import type { ServerMetrics } from './metrics.ts'
import type { Standing } from './own-metrics.ts'

const PERIOD_MS = 60_000

/** Looks at all backups and restores at once and then every minute, until the environment's signal is aborted. */
export async function takeCensus(
  environment: Environment,
  { known, metrics }: { known: KnownBackups; metrics: ServerMetrics },
): Promise<void> {
  const { signal, log } = environment
  while (!signal.aborted) {
    try {
      const { counts, standing } = await countAll(environment, known)
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

async function countAll(environment: Environment, known: KnownBackups): Promise<Census> {
  const { kube, namespace, signal } = environment
  const all = await known.all(environment)
  const backups = all.map((backup) => ({ schedule: backup.schedule, completedAt: completedAt(backup) }))
  let [restores, waitingRestores] = [0, 0]
  for await (const { items } of kube.pages(Restores, { namespace, signal })) {
    restores += items.length
    waitingRestores += items.filter(waitsToRestore).length
  }
  const namespaces: KubeObject[] = []
  for await (const { items } of kube.pages(Namespaces, { signal })) namespaces.push(...items)
  const wholeBackups = lastWholeBackups(wholeOnes(all), namespaces)
  const waitingBackups = all.filter(({ waits }) => waits).length
  return { counts: { backups, restores }, standing: { waitingBackups, waitingRestores, wholeBackups } }
}

function* wholeOnes(all: readonly BackupExtract[]): Generator<WholeBackup> {
  for (const backup of all) {
    const ended = completedAt(backup)
    if (ended !== undefined) yield { spec: backup.scope, completedAt: ended }
  }
}

function completedAt({ phase, completionTimestamp }: BackupExtract): number | undefined {
  if (phase !== 'Completed' || completionTimestamp === undefined) return undefined
  return Date.parse(completionTimestamp) / 1000
}
