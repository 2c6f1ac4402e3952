import { installed } from './backup.ts'
import type { StartServer } from './backup-server.ts'
import type { BenchCluster } from './bench-cluster.ts'
import type { BenchStore } from './bench-store.ts'
import { customRestore, untilBackupKnown } from './custom-run.ts'
import type { Cost } from './figures.ts'
import { runCommand, runOnServer, type Bench } from './party.ts'

/** What to restore, and whether objects that are there already are to become what they are in the backup. */
export interface RestoreRequest {
  cluster: BenchCluster
  store: BenchStore
  /** Of the backup. */
  backup: string
  updates?: boolean | undefined
}

/** One restore by the command line, as a process of its own. */
export function restoreByCommand(
  bench: Bench,
  { cluster, store, backup, updates, name }: RestoreRequest & { name: string },
): Promise<Cost> {
  const policy = updates === true ? ['--existing-resource-policy', 'update'] : []
  const args = ['restore', 'create', name, '--from-backup', backup, ...policy]
  return runCommand(bench, { cluster, store, name, args })
}

/** One restore by a server that is started for it, asked for through the API server. */
export async function restoreByServer(
  bench: Bench,
  { cluster, store, start, backup, updates }: RestoreRequest & { start: StartServer },
): Promise<Cost> {
  const { signal } = bench
  const name = `restore-${Date.now()}`
  await using server = await installed(bench, { cluster, store, start, name })
  await untilBackupKnown(cluster.kube, backup, signal)
  const spec = { backupName: backup, ...(updates === true ? { existingResourcePolicy: 'update' } : {}) }
  return await runOnServer(server, cluster, () => customRestore(cluster.kube, { name, spec, signal }))
}
