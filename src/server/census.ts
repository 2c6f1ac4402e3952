import { setTimeout as sleep } from 'node:timers/promises'
import type { BackupExtract, KnownBackups } from '#controllers/backup-ledger.ts'
import { lastWholeBackups, type WholeBackup } from '#controllers/covered-namespaces.ts'
import type { KnownRestores } from '#controllers/restore-ledger.ts'
import { Namespaces, type KubeObject } from '#kube/object.ts'
import { messageOf, type Environment } from '#runtime/controller.ts'
import type { ServerMetrics } from './metrics.ts'
import type { Standing } from './own-metrics.ts'

const PERIOD_MS = 60_000

interface Known {
  readonly backups: KnownBackups
  readonly restores: KnownRestores
}

/** Looks at all backups and restores at once and then every minute, until the environment's signal is aborted. */
export async function takeCensus(
  environment: Environment,
  { known, metrics }: { known: Known; metrics: ServerMetrics },
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

async function countAll(environment: Environment, known: Known): Promise<Census> {
  const { kube, signal } = environment
  const all = await known.backups.all(environment)
  const backups = all.map((backup) => ({ schedule: backup.schedule, completedAt: completedAt(backup) }))
  const restores = await known.restores.all(environment)
  const namespaces: KubeObject[] = []
  for await (const { items } of kube.pages(Namespaces, { signal })) namespaces.push(...items)
  const wholeBackups = lastWholeBackups(wholeOnes(all), namespaces)
  const waitingBackups = all.filter(({ waits }) => waits).length
  const waitingRestores = restores.filter(({ waits }) => waits).length
  return {
    counts: { backups, restores: restores.length },
    standing: { waitingBackups, waitingRestores, wholeBackups },
  }
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
