import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { annotationKeys, finalizerNames, labelKeys } from '#api/labels.ts'
import { Restores, type Restore } from '#api/restore.ts'
import { timestamp } from '#api/timestamp.ts'
import { readModifiers } from '#restore/modifiers.ts'
import { defaultRestore, requestedBackup, validateRestore } from '#restore/validation.ts'
import type { Environment } from '#runtime/controller.ts'
import { candidateBackups, type RestoreTurns } from './restore-turns.ts'
import { patchLasting } from './status-patch.ts'

/** What came of a Restore that asked to be run. */
export type Start =
  /** `restore` is in progress now, with everything filled in. */
  | { readonly do: 'run'; readonly restore: Restore }
  /** It has the phase FailedValidation. */
  | { readonly do: 'refused'; readonly restore: Restore }
  /** Others come first. */
  | { readonly do: 'wait' }
  /** The Restore has been deleted meanwhile. */
  | { readonly do: 'nothing' }

export interface StartOptions {
  readonly turns: RestoreTurns
  /** For restores that do not say; Go notation. */
  readonly itemOperationTimeout: string
}

/** Validates a new Restore, and starts it when its turn has come. Rejects with KubeError, 'conflict' included. */
export async function startRestore(
  asked: Restore,
  environment: Environment,
  { turns, itemOperationTimeout }: StartOptions,
): Promise<Start> {
  const { kube, namespace, log, now, signal } = environment
  const { name } = asked.metadata
  const restore = defaultRestore(asked, { itemOperationTimeout })
  const backups = await candidateBackups(restore, environment)
  const backup = requestedBackup(restore, backups)
  const { problems: modifierProblems } = await readModifiers(kube, restore, { signal })
  const { items: locations } = await kube.list(BackupStorageLocations, { namespace, signal })
  const problems = validateRestore(restore, { backups, locations, modifierProblems })
  if (problems.length > 0 || backup === undefined) {
    log.warn({ restore: name, problems }, 'restore refused')
    const status = { ...restore.status, phase: 'FailedValidation' as const, validationErrors: problems }
    const refused = await accept(restore, { spec: restore.spec, status }, environment)
    return refused === undefined ? { do: 'nothing' } : { do: 'refused', restore: refused }
  }
  const taken = await turns.take(
    restore,
    () => {
      const scheduleName = restore.spec.scheduleName || backup.metadata.labels?.[labelKeys.scheduleName]
      const spec = { ...restore.spec, backupName: backup.metadata.name, scheduleName }
      const status = { ...restore.status, phase: 'InProgress' as const, startTimestamp: timestamp(now()) }
      return accept(restore, { spec, status }, environment)
    },
    environment,
  )
  if ('waits' in taken) return { do: 'wait' }
  if (taken.accepted === undefined) return { do: 'nothing' }
  log.info({ restore: name, backup: backup.metadata.name }, 'restore started')
  return { do: 'run', restore: taken.accepted }
}

/** Writes what was decided, and the finalizer, before anything is done: a crash is then seen by the next server. */
async function accept(
  { metadata }: Restore,
  decided: Pick<Restore, 'spec' | 'status'>,
  { kube, namespace }: Environment,
): Promise<Restore | undefined> {
  const { name, resourceVersion } = metadata
  const finalizers = [...new Set([...(metadata.finalizers ?? []), finalizerNames.restore])]
  const waited = metadata.annotations?.[annotationKeys.waits] !== undefined
  const annotations = waited ? { [annotationKeys.waits]: null } : undefined
  const change = { metadata: { finalizers, annotations, resourceVersion }, ...decided }
  return await patchLasting(kube, Restores, { name, namespace, change })
}
