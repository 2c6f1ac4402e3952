import type { Backup } from '#api/backup.ts'
import { annotationKeys } from '#api/labels.ts'
import { dropClaim } from '#backup/claim.ts'
import { discardBackup } from '#backup/discard.ts'
import { backupError } from '#backup/error.ts'
import { storedBackup } from '#backup/stored.ts'
import { releaseSnapshotsOf } from '#backup/stored-snapshots.ts'
import { messageOf, type Environment } from '#runtime/controller.ts'
import type { ObjectStore } from '#store/store.ts'

/** The backup as it is stored: a server may have died between the commit marker and the custom resource, and then the work is done already. Undefined when it is not. */
export async function finishedBefore(
  { metadata }: Backup,
  store: ObjectStore,
  environment: Environment,
): Promise<Backup | undefined> {
  const stored = await storedBackup(store, metadata.name)
  if (stored === undefined || stored.metadata.uid !== metadata.uid) return undefined
  await dropClaim(store, metadata.name)
  const left = await releaseSnapshotsOf(store, stored, environment).catch((error: unknown) => [messageOf(error)])
  warnOf(left, metadata.name, environment)
  return stored
}

/** Whether a server may have died between the end of the backup and the last of its VolumeSnapshots. */
export function isClearing({ metadata }: Backup): boolean {
  return metadata.annotations?.[annotationKeys.clearing] !== undefined
}

/** Clears away what such a server left in the cluster. Rejects with StoreError or KubeError when it cannot be told what that is. */
export async function clearLeftovers(
  { metadata }: Backup,
  store: ObjectStore,
  environment: Environment,
): Promise<void> {
  const stored = await storedBackup(store, metadata.name)
  if (stored === undefined || stored.metadata.uid !== metadata.uid) return
  warnOf(await releaseSnapshotsOf(store, stored, environment), metadata.name, environment)
}

/** Clears away what a dead server left of a backup that nobody wants any more. Always rejects: with BackupError 'aborted' when it is done. */
export async function discardLeftovers(
  backup: Backup,
  store: ObjectStore,
  { environment, installation }: { environment: Environment; installation: string | undefined },
): Promise<never> {
  const { name } = backup.metadata
  const { kube, now } = environment
  warnOf(await discardBackup(store, backup, { kube, installation, now: now() }), name, environment)
  throw backupError(environment.signal.reason, name, environment.signal)
}

/** Notes what stays behind. The backup is whole all the same. */
export function warnOf(problems: readonly string[], backup: string, { log }: Environment): void {
  for (const problem of problems) log.warn({ backup, problem }, 'something of a backup stays in the cluster')
}
