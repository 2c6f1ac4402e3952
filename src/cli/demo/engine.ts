import { Backups, type Backup } from '#api/backup.ts'
import { Restores, type Restore } from '#api/restore.ts'
import { snapshotLocations } from '#controllers/snapshot-locations.ts'
import type { KubeClient } from '#kube/client.ts'
import { apiVersionOf } from '#kube/object.ts'
import { fileStore } from '#store/file.ts'
import type { CliContext } from '../context.ts'
import { storeDoor } from '../store-door.ts'
import { counted } from '../units.ts'

/** Makes the one backup of a demo in a directory, and the restore of it, as `lifeboat --store` does. */
export interface DemoEngine extends AsyncDisposable {
  backUp(namespace: string): Promise<Backup>
  /** `excludedResources` is left alone. */
  restore(excludedResources?: readonly string[]): Promise<Restore>
}

/** `connectNew` is asked for a client for each piece of work. */
export function demoEngine(
  context: CliContext,
  { directory, connectNew }: { directory: string; connectNew: () => Promise<KubeClient> },
): DemoEngine {
  const namespace = 'velero'
  const door = storeDoor({
    store: fileStore(directory),
    namespace,
    now: context.now,
    createdBy: `lifeboat/${context.version}`,
    snapshotters: (cluster) => snapshotLocations(cluster, { namespace, env: context.env }),
    cluster: connectNew,
  })
  const silently = { wait: true, signal: context.signal, onStanding: () => undefined }
  return {
    backUp: (included) => {
      const metadata = { name: 'demo', namespace }
      const spec = { includedNamespaces: [included] }
      return door.createBackup({ apiVersion: apiVersionOf(Backups), kind: Backups.kind, metadata, spec }, silently)
    },
    restore: (excludedResources = []) => {
      const metadata = { name: 'demo-1', namespace }
      const spec = { backupName: 'demo', excludedResources: [...excludedResources] }
      return door.createRestore({ apiVersion: apiVersionOf(Restores), kind: Restores.kind, metadata, spec }, silently)
    },
    [Symbol.asyncDispose]: () => door[Symbol.asyncDispose](),
  }
}

/** How a restore ended, in a few words. */
export function restoreInWords({ status }: Restore): string {
  return `${status?.phase}, ${counted(status?.errors ?? 0, 'error')}, ${counted(status?.warnings ?? 0, 'warning')}`
}
