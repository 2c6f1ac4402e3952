import type { KubeClient } from '#kube/client.ts'
import type { ServerConfig } from '#server/config.ts'
import { runServer } from '#server/server.ts'

/** A server in this process. */
export interface ServerHere extends AsyncDisposable {
  /** Resolves when it has ended in order. */
  stop(): Promise<void>
}

const usual: Omit<ServerConfig, 'namespace' | 'identity'> = {
  version: '0.0.0-test',
  metricsAddress: '127.0.0.1:0',
  publicUrl: undefined,
  logLevel: 'info',
  logFormat: 'json',
  defaultBackupStorageLocation: 'default',
  defaultBackupTtl: '720h0m0s',
  volumeGroupSnapshotLabelKey: 'velero.io/volume-group',
  everyVersion: false,
  clientPageSize: undefined,
  defaultItemOperationTimeout: '4h0m0s',
  resourceTimeout: '10m0s',
  defaultVolumesToFsBackup: false,
  defaultSnapshotMoveData: false,
  defaultVolumeSnapshotLocations: {},
  storeValidationFrequency: 60_000,
  backupSyncPeriod: 0,
  scheduleSkipImmediately: false,
  garbageCollectionFrequency: 3_600_000,
  notificationPeriod: 500,
  concurrentBackups: 1,
  concurrentRestores: 1,
  plugins: { specifiers: [], baseDir: '/', limits: {} },
  itemOperationSyncFrequency: 0,
  restoreSettings: undefined,
  env: {},
}

/** Runs the server's own code in this process, so that a test can set its clock. It ends with the scope at the latest. */
export function startServerHere(options: {
  kube: KubeClient
  namespace: string
  now: () => Date
  config?: Partial<ServerConfig>
}): ServerHere {
  const { kube, namespace, now, config } = options
  const end = new AbortController()
  const running = runServer({
    config: { ...usual, namespace, identity: `test-${namespace}`, ...config },
    kube,
    now,
    signal: end.signal,
    logTo: { write: () => undefined },
  })
  const stop = async (): Promise<void> => {
    end.abort()
    await running
  }
  return { stop, [Symbol.asyncDispose]: stop }
}
