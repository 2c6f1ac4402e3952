import type { Backup } from '#api/backup.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { ObjectStore } from '#store/store.ts'
import { groupTypesOf } from '#volumes/group-types.ts'
import { claimName } from './claim.ts'
import { clearSnapshots } from './snapshot-clearing.ts'
import { identityOf } from './snapshot-items.ts'

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
    const groupTypes = groupTypesOf((await kube.discover()).types)
    return await clearSnapshots({ kube, identity, groupTypes })
  } catch (error) {
    if (!(error instanceof KubeError)) throw error
    // A cluster without snapshots has none of ours.
    return error.problem === 'not-found' ? [] : [`snapshots cannot be cleared away: ${error.message}`]
  }
}
