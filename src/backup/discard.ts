import type { Backup } from '#api/backup.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { ObjectStore } from '#store/store.ts'
import { endSnapshots } from '#volumes/snapshot-end.ts'
import { claimName } from './claim.ts'
import { identityOf, marksOf } from './snapshot-items.ts'

/**
 * Clears away what a run of `backup` left that was cut off and is not to be taken up: its files in `store`, its snapshots in the cluster.
 * Gives what stays in the cluster, a sentence for each. Rejects with StoreError, or with BackupError 'name-taken' when somebody else has a backup of that name there, or makes one.
 */
export async function discardBackup(
  store: ObjectStore,
  backup: Backup,
  { kube, installation, now }: { kube: KubeClient; installation: string | undefined; now: Date },
): Promise<string[]> {
  const { name, uid } = backup.metadata
  const held = await claimName(store, name, { installation, uid, now })
  await held.release()
  const identity = identityOf(backup, { store: store.url, started: '' })
  try {
    return await endSnapshots({
      kube,
      labelSelector: identity.labelSelector,
      fateOf: (snapshot) => {
        const marks = marksOf(snapshot)
        return marks?.run === identity.run && marks.backup === identity.backup ? 'delete-data' : undefined
      },
    })
  } catch (error) {
    if (!(error instanceof KubeError)) throw error
    // A cluster without snapshots has none of ours.
    return error.problem === 'not-found' ? [] : [`snapshots cannot be cleared away: ${error.message}`]
  }
}
