import { setTimeout as sleep } from 'node:timers/promises'
import { Backups, type Backup } from '#api/backup.ts'
import { annotationKeys, labelValue } from '#api/labels.ts'
import { hasEnded } from '#api/phases.ts'
import type { Restore } from '#api/restore.ts'
import { Namespaces } from '#kube/object.ts'
import { RestoreError } from '#restore/error.ts'
import {
  exactNamespaces,
  safetyBackup,
  safetyBackupLabel,
  safetyBackupName,
  safetyProblem,
} from '#restore/safety-backup.ts'
import { messageOf, type Environment } from '#runtime/controller.ts'
import { patchLasting } from './status-patch.ts'

const POLL_MS = 1_000

/** What stands between a restore and its beginning: its safety backup is there, or not yet, or cannot be had. */
export type SafetyStep = { do: 'go' } | { do: 'wait' } | { do: 'refuse'; problem: string }

/** Decides about the Backup that was found under the name of the safety backup of `restore`. */
export function safetyStep(restore: Restore, found: Backup): SafetyStep {
  const { name, labels, creationTimestamp = '' } = found.metadata
  const isOurs = labels?.[safetyBackupLabel] === labelValue(restore.metadata.name)
  if (!isOurs || creationTimestamp < (restore.metadata.creationTimestamp ?? '')) {
    return { do: 'refuse', problem: `there is a backup ${name} already: delete it, or give the restore another name` }
  }
  if (!hasEnded(found.status?.phase)) return { do: 'wait' }
  return found.status?.phase === 'Completed' ? { do: 'go' } : { do: 'refuse', problem: safetyProblem(found) }
}

/**
 * Has the safety backup that `restore` wants made, through the queue like every other, and waits until it is whole. A restore that
 * is taken up again finds it made. Rejects with RestoreError 'no-safety-backup' when it cannot be had, or with KubeError.
 */
export async function makeSafetyBackup(
  restore: Restore,
  { restored, environment }: { restored: Backup; environment: Environment },
): Promise<void> {
  const { signal } = environment
  for (;;) {
    const step = await nextStep(restore, { restored, environment })
    switch (step.do) {
      case 'go':
        return
      case 'refuse':
        throw new RestoreError('no-safety-backup', step.problem)
      case 'wait':
        await sleep(POLL_MS, undefined, { signal })
    }
  }
}

async function nextStep(
  restore: Restore,
  { restored, environment }: { restored: Backup; environment: Environment },
): Promise<SafetyStep> {
  const { kube, namespace, log, signal } = environment
  const found = await kube.find(Backups, safetyBackupName(restore), { namespace, signal })
  if (found !== undefined) return safetyStep(restore, found)
  const existing = new Set<string>()
  for (const name of exactNamespaces(restore)) {
    if ((await kube.find(Namespaces, name, { signal })) !== undefined) existing.add(name)
  }
  const wanted = safetyBackup(restore, { existing, location: restored.spec.storageLocation })
  if (wanted === undefined) return { do: 'go' }
  await kube.create(Backups, wanted, { namespace, signal })
  log.info({ restore: restore.metadata.name, backup: wanted.metadata.name }, 'safety backup asked for')
  return { do: 'wait' }
}

/** Has the safety backup of `restore` ended with it, should it not have ended yet: nobody needs it any more. */
export async function cancelSafetyBackup(restore: Restore, { kube, namespace, log }: Environment): Promise<void> {
  const name = safetyBackupName(restore)
  try {
    const found = await kube.find(Backups, name, { namespace })
    if (found === undefined || safetyStep(restore, found).do !== 'wait') return
    const annotations = { [annotationKeys.cancel]: `restore ${restore.metadata.name}` }
    await patchLasting(kube, Backups, { name, namespace, change: { metadata: { annotations } } })
    log.info({ restore: restore.metadata.name, backup: name }, 'safety backup is not needed any more')
  } catch (error) {
    // It is a backup like every other, and does no harm.
    log.warn({ backup: name, error: messageOf(error) }, 'a safety backup that is not needed any more goes on')
  }
}
