import { hostname } from 'node:os'
import { randomUUID } from 'node:crypto'
import { veleroDefaults } from '#api/defaults.ts'
import { parseDuration } from '#api/duration.ts'
import { versionsFeature } from '#restore/settings.ts'
import { logFormats, logLevels, type ServerConfig } from '#server/config.ts'
import { command } from '../command.ts'
import { hasFeature, installationFlags, openCluster, serverNamespace } from '../connection.ts'
import { note, type CliContext } from '../context.ts'
import { OK } from '../exit.ts'
import { pluginFlags, pluginSettings } from '../plugin-flags.ts'
import { choice, duration, integer, map, text, toggle, type FlagValues } from '../flag.ts'
import { restorePriorityFlags } from '../restore-priorities.ts'
import { veleroServerFlags } from './velero-server-flags.ts'

const flags = {
  ...installationFlags,
  'log-level': choice('least level that is logged', logLevels),
  'log-format': choice('how log lines are written: as JSON, or as logfmt (default json)', logFormats),
  'metrics-address': text('address of /metrics, /healthz, /readyz and downloads (default :8085)', {
    metavar: 'HOST:PORT',
  }),
  'public-url': text('how clients reach that address, for downloads from directories', { metavar: 'URL' }),
  'default-backup-storage-location': text('location of backups that name none (default "default")', {
    metavar: 'NAME',
  }),
  'default-backup-ttl': duration('how long backups are kept that do not say (default 720h)'),
  'default-item-operation-timeout': duration('how long asynchronous operations may take (default 4h)'),
  'resource-timeout': duration('how long to wait for single objects (default 10m)'),
  'default-volumes-to-fs-backup': toggle('copy the files of pod volumes unless they opt out'),
  'default-snapshot-move-data': toggle('move the data of CSI snapshots to the location'),
  'default-volume-snapshot-locations': map('snapshot location of each provider that has several', { separator: ':' }),
  'volume-group-snapshot-label-key': text(
    'label of claims that are snapshot together (default velero.io/volume-group)',
    {
      metavar: 'KEY',
    },
  ),
  'client-page-size': integer('objects that a backup reads with one call; 0 for all at once', 0),
  'store-validation-frequency': duration('how often locations are checked; 0 for once (default 1m)'),
  'backup-sync-period': duration('how often locations are looked through for backups; 0 for never (default 1m)'),
  'schedule-skip-immediately': toggle('new schedules that do not say leave out what is due already'),
  'garbage-collection-frequency': duration('how often expired backups are looked for (default 1h)'),
  'concurrent-backups': integer('backups made at once (default 1)', 1),
  'concurrent-restores': integer('restores run at once, as far as they do not overlap (default 2)', 1),
  ...restorePriorityFlags,
  ...pluginFlags,
  'item-operation-sync-frequency': duration('how often operations of plug-ins are asked about (default 10s)'),
  ...veleroServerFlags,
}

export const server = command({
  path: ['server'],
  summary: 'Run the server: watches Backup, Restore and the other custom resources and does what they ask',
  flags,
  async run({ flags: given, context }) {
    // Loaded here: no other command pays for the server's libraries when it starts.
    const { runServer } = await import('#server/server.ts')
    const kube = await openCluster(context, given)
    try {
      await runServer({
        config: configFrom(given, context),
        kube,
        now: context.now,
        signal: context.signal,
        logTo: context.stdout,
        onListening: (address) => note(context, `Listening on ${address}; Ctrl-C ends the server.`),
      })
      return OK
    } finally {
      await kube.close()
    }
  },
})

/** News is no older than this when it is told. */
const NOTIFICATION_PERIOD_MS = 30_000

function configFrom(given: FlagValues<typeof flags>, context: CliContext): ServerConfig {
  return {
    version: context.version,
    namespace: serverNamespace(context, given),
    identity: `${hostname()}_${randomUUID()}`,
    metricsAddress: given['metrics-address'] ?? ':8085',
    publicUrl: given['public-url'],
    logLevel: given['log-level'] ?? 'info',
    logFormat: given['log-format'] ?? 'json',
    defaultBackupStorageLocation: given['default-backup-storage-location'] ?? 'default',
    defaultBackupTtl: given['default-backup-ttl'] ?? '720h0m0s',
    volumeGroupSnapshotLabelKey: given['volume-group-snapshot-label-key'] ?? veleroDefaults.volumeGroupSnapshotLabelKey,
    defaultItemOperationTimeout: given['default-item-operation-timeout'] ?? '4h0m0s',
    resourceTimeout: given['resource-timeout'] ?? '10m0s',
    defaultVolumesToFsBackup: given['default-volumes-to-fs-backup'] ?? false,
    defaultSnapshotMoveData: given['default-snapshot-move-data'] ?? false,
    defaultVolumeSnapshotLocations: given['default-volume-snapshot-locations'] ?? {},
    storeValidationFrequency: minuteOr(given['store-validation-frequency']),
    backupSyncPeriod: minuteOr(given['backup-sync-period']),
    scheduleSkipImmediately: given['schedule-skip-immediately'] ?? false,
    garbageCollectionFrequency: hourOr(given['garbage-collection-frequency']),
    notificationPeriod: NOTIFICATION_PERIOD_MS,
    concurrentBackups: given['concurrent-backups'] ?? 1,
    everyVersion: hasFeature(context, given, 'EnableAPIGroupVersions'),
    clientPageSize: given['client-page-size'],
    concurrentRestores: given['concurrent-restores'] ?? 2,
    restoreSettings: {
      priorities: given['restore-resource-priorities'],
      choosesVersions: hasFeature(context, given, versionsFeature),
    },
    plugins: pluginSettings(context, given),
    itemOperationSyncFrequency: Math.max(0, parseDuration(given['item-operation-sync-frequency'] ?? '0')),
    env: context.env,
  }
}

/** In ms; a minute when it is not given or makes no sense. */
function minuteOr(given: string | undefined): number {
  const millis = parseDuration(given ?? '1m')
  return millis < 0 ? 60_000 : millis
}

/** In ms; an hour unless it is positive, as in Velero. */
function hourOr(given: string | undefined): number {
  const millis = parseDuration(given ?? '1h')
  return millis <= 0 ? 3_600_000 : millis
}
