import type { Backup } from '#api/backup.ts'
import { Restores, type Restore } from '#api/restore.ts'
import type { KubeClient } from '#kube/client.ts'
import { readModifiers } from '#restore/modifiers.ts'
import { defaultRestore, requestedBackup, validateRestore } from '#restore/validation.ts'
import { refuse } from './accept-backup.ts'

/** What a restore is accepted for. */
export interface RestoreAcceptance {
  readonly kube: KubeClient
  /** Those that it can choose from. */
  readonly backups: readonly Backup[]
  /** Where its name is taken; undefined where it is not. */
  readonly taken?: string | undefined
  readonly signal: AbortSignal
}

/** The restore with its defaults, and the backup it asks for; UserError with everything that is wrong with it. Rejects with KubeError. */
export async function acceptRestore(
  asked: Restore,
  { kube, backups, taken, signal }: RestoreAcceptance,
): Promise<{ restore: Restore; backup: Backup | undefined }> {
  const restore = defaultRestore(asked)
  const { problems: modifierProblems } = await readModifiers(kube, restore, { signal })
  refuse(Restores.kind, asked.metadata.name, [
    ...(taken === undefined ? [] : [`there is a restore of this name in ${taken}`]),
    ...validateRestore(restore, { backups, modifierProblems }),
  ])
  const backup = requestedBackup(restore, backups)
  return { restore: { ...restore, spec: { ...restore.spec, backupName: backup?.metadata.name } }, backup }
}
