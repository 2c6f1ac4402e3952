// What the server is killed amid, where that is the same for snapshots of CSI and of EBS.
import type { Backup } from '#api/backup.ts'
import { Backups } from '#api/backup.ts'
import { DeleteBackupRequests } from '#api/delete-backup-request.ts'
import { Restores } from '#api/restore.ts'
import { deletionRequest } from '#backup/deletion-request.ts'
import { askForRestore, ended, eventually } from '../support/server.ts'
import type { KillSite, Work } from './volume-kills.ts'

/** The namespace into which the restore of this name goes. */
export function targetOf(restored: string): string {
  return `target-of-${restored}`
}

/** A restore of `shop` in the backup `undisturbed` into a namespace of its own. */
export function restoreOf(
  shop: string,
  { name, site: { kube, namespace } }: { name: string; site: Pick<KillSite, 'kube' | 'namespace'> },
): Work {
  const spec = { backupName: 'undisturbed', namespaceMapping: { [shop]: targetOf(name) } }
  return {
    plural: 'restores',
    name,
    begin: () => askForRestore(kube, namespace, { name, spec }),
    end: () => ended(kube, Restores, { name, namespace, seconds: 180 }),
  }
}

/** The deletion of a backup. */
export function deletionOf(made: Backup, { kube, namespace }: Pick<KillSite, 'kube' | 'namespace'>): Work {
  const { name } = made.metadata
  return {
    plural: 'backups',
    name,
    begin: () => kube.create(DeleteBackupRequests, deletionRequest(made, 'x'), { namespace }),
    end: () => eventually(async () => (await kube.find(Backups, name, { namespace })) === undefined || undefined, 180),
  }
}
