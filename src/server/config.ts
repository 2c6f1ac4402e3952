// The process in the cluster: wires the controllers to a cluster, stores, metrics and HTTP, and ends them in order. Decisions
// about backups belong to backup/ and controllers/; here is only what a process is made of.

import type { PluginLimits } from '#plugins/open.ts'
import type { RestoreControllerOptions } from '#controllers/restore-controller.ts'

/** Everything a server can be told. Durations in ms unless they go into custom resources, which keep Go's notation. */
export interface ServerConfig {
  readonly version: string
  /** Where the custom resources are. */
  readonly namespace: string
  /** Unique to this process among the replicas. */
  readonly identity: string
  /** `host:port`; port 0 picks a free one. */
  readonly metricsAddress: string
  /** What clients reach this server's HTTP address by; default `http://` and the address itself. */
  readonly publicUrl: string | undefined
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
  readonly defaultBackupStorageLocation: string
  readonly defaultBackupTtl: string
  /** Default of `spec.volumeGroupSnapshotLabelKey`. */
  readonly volumeGroupSnapshotLabelKey: string
  readonly defaultItemOperationTimeout: string
  readonly resourceTimeout: string
  readonly defaultVolumesToFsBackup: boolean
  readonly defaultSnapshotMoveData: boolean
  /** Provider → name of the VolumeSnapshotLocation of backups that name none, where a provider has several. */
  readonly defaultVolumeSnapshotLocations: Readonly<Record<string, string>>
  readonly storeValidationFrequency: number
  /** 0 for never. */
  readonly backupSyncPeriod: number
  /** Whether what is due is left out once by schedules that do not say `skipImmediately`. */
  readonly scheduleSkipImmediately: boolean
  /** How often expired backups are looked for. */
  readonly garbageCollectionFrequency: number
  /** How often Notifications look for news. */
  readonly notificationPeriod: number
  readonly concurrentBackups: number
  /** Every served version of each type goes into backups: Velero's feature EnableAPIGroupVersions. */
  readonly everyVersion: boolean
  /** Objects per list call of a backup; 0 for all in one, undefined for what has proved best. */
  readonly clientPageSize: number | undefined
  readonly concurrentRestores: number
  readonly plugins: PluginSettings
  /** How often operations of plug-ins are asked about; 0 for every ten seconds. */
  readonly itemOperationSyncFrequency: number
  /** Undefined when no flag says anything about how restores are done. */
  readonly restoreSettings: RestoreControllerOptions['settings']
  /** Handed to object stores: credentials and proxies. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Which plug-ins are used, and how much each may. */
export interface PluginSettings {
  /** Files or packages, in the order in which they are called. */
  readonly specifiers: readonly string[]
  /** Folder from which both are looked for. */
  readonly baseDir: string
  readonly limits: Partial<PluginLimits>
}

export const logLevels = ['trace', 'debug', 'info', 'warning', 'error', 'fatal', 'panic'] as const
/** Velero's level words. */
export type LogLevel = (typeof logLevels)[number]

/** How the log of the process is written: one JSON object a line, or logfmt. */
export const logFormats = ['json', 'text'] as const
export type LogFormat = (typeof logFormats)[number]

/** Splits `:8085`, `127.0.0.1:8085` or `[::1]:8085`. An empty host means all addresses. Undefined when it is none of these. */
export function parseAddress(address: string): { host: string; port: number } | undefined {
  const found = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(address)
  const port = Number(found?.[3])
  if (found === null || port > 65_535) return undefined
  return { host: found[1] ?? found[2] ?? '', port }
}
