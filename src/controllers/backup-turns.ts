import { Backups, type Backup } from '#api/backup.ts'
import { readObject } from '#api/read.ts'
import { Namespaces, type KubeObject } from '#kube/object.ts'
import type { Environment } from '#runtime/controller.ts'
import { isWaiting, queueStep } from './backup-queue.ts'
import { inTurn } from './in-turn.ts'
import { patchLasting } from './status-patch.ts'

/** Gives backups their turn. */
export interface BackupTurns {
  /** Looks at all backups of the namespace and writes their places; those that may start are woken by that. Rejects with KubeError. */
  pass(environment: Environment): Promise<void>
}

/** Turns for at most `concurrent` backups at a time. Passes run one after another, since each builds on what the one before has written. */
export function backupTurns(concurrent: number): BackupTurns {
  const oneByOne = inTurn()
  return { pass: (environment) => oneByOne(() => once(environment, concurrent)) }
}

async function once({ kube, namespace, signal, log }: Environment, concurrent: number): Promise<void> {
  if (signal.aborted) return
  const backups: Backup[] = []
  for await (const page of kube.pages(Backups, { namespace, signal })) {
    backups.push(...page.items.map((one) => readObject(Backups, one)))
  }
  if (!backups.some(isWaiting)) return
  const namespaces: KubeObject[] = []
  for await (const page of kube.pages(Namespaces, { signal })) namespaces.push(...page.items)
  for (const { name, phase, queuePosition } of queueStep(backups, { namespaces, concurrent })) {
    log.debug({ backup: name, phase, queuePosition }, 'place in the queue')
    await patchLasting(kube, Backups, {
      name,
      namespace,
      change: { status: { phase, queuePosition: queuePosition || null } },
    })
  }
}
