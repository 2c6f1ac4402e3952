import type { Logger } from 'pino'
import type { Hono } from 'hono'
import { backupController } from '#controllers/backup-controller.ts'
import { backupLedger, type BackupLedger } from '#controllers/backup-ledger.ts'
import { clusterIdentity, installationName } from '#controllers/cluster-identity.ts'
import { markDefault } from '#controllers/default-location.ts'
import { deleteRequestController } from '#controllers/delete-request-controller.ts'
import { downloadRequestController } from '#controllers/download-request-controller.ts'
import { collectGarbage } from '#controllers/garbage-collection.ts'
import { locationController } from '#controllers/location-controller.ts'
import { locationStores, type LocationStores } from '#controllers/location-stores.ts'
import { notificationController } from '#controllers/notification-controller.ts'
import { snapshotLocations } from '#controllers/snapshot-locations.ts'
import { restoreController } from '#controllers/restore-controller.ts'
import { restoreLedger, type RestoreLedger } from '#controllers/restore-ledger.ts'
import { scheduleLedger, type ScheduleLedger } from '#controllers/schedule-ledger.ts'
import { scheduleController } from '#controllers/schedule-controller.ts'
import { statusRequestController } from '#controllers/status-request-controller.ts'
import { allKinds } from '#api/kinds.ts'
import { Notifications } from '#api/notification.ts'
import type { KubeClient } from '#kube/client.ts'
import { resourceName } from '#kube/object.ts'
import { openPlugins, type PluginModule } from '#plugins/open.ts'
import { messageOf, runController, type Environment } from '#runtime/controller.ts'
import { eventRecorder } from '#runtime/event-recorder.ts'
import { holdLease, type HeldLease } from '#runtime/lease.ts'
import { takeCensus } from './census.ts'
import { parseAddress, type ServerConfig } from './config.ts'
import { ServerError } from './error.ts'
import { httpApplication, listen } from './http.ts'
import { linkSecret } from './link-secret.ts'
import { lifeEvents } from './life-events.ts'
import { serverLog, type LineSink } from './log.ts'
import { serverMetrics, type ServerMetrics } from './metrics.ts'
import { signLink } from './signed-link.ts'
import { watchedStores } from './watched-stores.ts'
import { together, type Witness } from './witness.ts'

export interface ServerOptions {
  readonly config: ServerConfig
  readonly kube: KubeClient
  readonly now: () => Date
  /** Ends the server: running backups stop where they can be taken up again, the lease is released. */
  readonly signal: AbortSignal
  /** Where log lines go. */
  readonly logTo: LineSink
  /** Told once the HTTP address is open. */
  readonly onListening?: (address: string) => void
}

interface Parts {
  readonly options: ServerOptions
  readonly log: Logger
  readonly stores: LocationStores
  readonly metrics: ServerMetrics
  readonly witness: Required<Witness>
  readonly linkSecret: Uint8Array
  readonly publicUrl: string
  readonly plugins: readonly PluginModule[]
  readonly cluster: string | undefined
  /** Whether the cluster knows the kind. */
  readonly notifies: boolean
}

/** Runs the server until `signal` is aborted. Rejects with ServerError or PluginError when it cannot start, with ServerError when it has lost its lease: restarting is then the remedy. */
export async function runServer(options: ServerOptions): Promise<void> {
  const { config, kube, now } = options
  const address = parseAddress(config.metricsAddress)
  if (address === undefined)
    throw new ServerError('config', `--metrics-address ${config.metricsAddress} is no HOST:PORT`)
  const { specifiers, ...pluginOptions } = config.plugins
  const plugins = await openPlugins(specifiers, { ...pluginOptions, signal: options.signal })
  const served = await servedKinds(kube, options.signal)
  const cluster = await clusterIdentity(kube, options.signal)
  const log = serverLog({ level: config.logLevel, format: config.logFormat }, options.logTo)
  const metrics = serverMetrics({ calls: () => kube.calls })
  const stores = watchedStores(
    locationStores(kube, { namespace: config.namespace, env: config.env }),
    metrics.own.storeFailed,
  )
  await using events = eventRecorder({ kube, component: 'lifeboat', instance: config.identity, now, log })
  const witness = together([metrics, lifeEvents(events)])
  const secret = await linkSecret(kube, { namespace: config.namespace, log, signal: options.signal })
  const ready = (): boolean => !options.signal.aborted
  const http = await open(httpApplication({ metrics, stores, linkSecret: secret, now, log, ready }), address)
  const { version, namespace } = config
  log.info({ version, server: kube.server, namespace, address: http.address }, 'lifeboat server started')
  try {
    options.onListening?.(http.address)
    const notifies = served.has(resourceName(Notifications))
    if (!notifies)
      log.warn({}, 'the cluster does not know notifications.lifeboat.dev; lifeboat install --crds-only adds it')
    if (cluster === undefined)
      log.warn({}, 'may not read namespace kube-system: rules of retention are not applied to backups')
    const publicUrl = config.publicUrl ?? `http://${http.address}`
    await lead({ options, log, stores, metrics, witness, linkSecret: secret, publicUrl, plugins, cluster, notifies })
  } finally {
    http.server.close()
    http.server.closeAllConnections()
    log.info({}, 'lifeboat server stopped')
  }
}

async function open(app: Hono, address: { host: string; port: number }): ReturnType<typeof listen> {
  try {
    return await listen(app, address)
  } catch (error) {
    const message = `cannot listen on ${address.host}:${address.port}: ${messageOf(error)}`
    throw new ServerError('address', message, { cause: error })
  }
}

/** What the cluster knows. Says early and in one line what would otherwise be an endless series of failed watches. */
async function servedKinds(kube: KubeClient, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const { types } = await kube.discover({ signal })
  const served = new Set(types.map((type) => resourceName(type)))
  const missing = allKinds.map((kind) => resourceName(kind)).filter((name) => !served.has(name))
  if (missing.length === 0) return served
  throw new ServerError(
    'not-installed',
    `the cluster at ${kube.server} does not know ${missing.join(', ')}; run: lifeboat install --crds-only`,
  )
}

/** What is known of all objects by the watches of their controllers. */
interface Ledgers {
  readonly backups: BackupLedger
  readonly restores: RestoreLedger
  readonly schedules: ScheduleLedger
}

/** Waits for its turn among the replicas, then works until it has to stop. */
async function lead(parts: Parts): Promise<void> {
  const { options, log } = parts
  const lease = await waitForLease(parts)
  if (lease === undefined) return
  log.info({ identity: options.config.identity }, 'this process leads')
  parts.metrics.own.leads(true)
  const stop = new AbortController()
  const environment: Environment = {
    kube: options.kube,
    namespace: options.config.namespace,
    now: options.now,
    signal: AbortSignal.any([options.signal, lease.lost, stop.signal]),
    log,
  }
  await markDefault(options.config.defaultBackupStorageLocation, environment)
  const known = { backups: backupLedger(), restores: restoreLedger(), schedules: scheduleLedger() }
  const work = [
    ...startControllers({ ...parts, known }, environment),
    collectGarbage(environment, { period: options.config.garbageCollectionFrequency, cluster: parts.cluster }),
    takeCensus(environment, { known, metrics: parts.metrics }),
  ]
  try {
    await Promise.all(work)
  } finally {
    // Nobody else may lead before the last of them has stopped.
    stop.abort()
    parts.metrics.own.leads(false)
    await Promise.allSettled(work)
    await lease.release()
  }
  if (!options.signal.aborted)
    throw new ServerError(
      'lease',
      'the lease is lost: another server leads now, or the API server could not be reached',
    )
}

async function waitForLease({ options, log }: Parts): Promise<HeldLease | undefined> {
  const { config, kube, now, signal } = options
  try {
    return await holdLease(kube, {
      name: 'lifeboat-server',
      namespace: config.namespace,
      identity: config.identity,
      signal,
      log,
      now,
    })
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  }
}

function startControllers(parts: Parts & { known: Ledgers }, environment: Environment): Promise<void>[] {
  const { options, stores, metrics, witness, linkSecret, publicUrl, plugins, cluster, notifies, known } = parts
  const { config, kube, now } = options
  const snapshotters = snapshotLocations(kube, config)
  const settings = {
    defaultLocation: config.defaultBackupStorageLocation,
    ttl: config.defaultBackupTtl,
    volumeGroupSnapshotLabelKey: config.volumeGroupSnapshotLabelKey,
    itemOperationTimeout: config.defaultItemOperationTimeout,
    resourceTimeout: config.resourceTimeout,
    defaultVolumesToFsBackup: config.defaultVolumesToFsBackup,
    snapshotMoveData: config.defaultSnapshotMoveData,
    defaultSnapshotLocations: config.defaultVolumeSnapshotLocations,
  }
  const installation = installationName(cluster, config.namespace)
  const ownPath = (location: string, key: string, seconds: number): string =>
    `/download?${signLink({ location, key, expires: now().getTime() + seconds * 1000 }, linkSecret)}`
  return [
    runController(
      locationController({
        stores,
        known: known.backups,
        validationFrequency: config.storeValidationFrequency,
        syncPeriod: config.backupSyncPeriod,
        onCheck: witness.locationChecked,
        onGone: witness.locationGone,
      }),
      environment,
    ),
    runController(
      backupController({
        stores,
        ledger: known.backups,
        snapshotters,
        settings,
        installation,
        createdBy: `lifeboat/${config.version}`,
        concurrent: config.concurrentBackups,
        plugins,
        operationPollMillis: config.itemOperationSyncFrequency || undefined,
        everyVersion: config.everyVersion,
        pageSize: config.clientPageSize,
        onStart: witness.backupStarted,
        onEnd: witness.backupEnded,
      }),
      environment,
    ),
    runController(
      restoreController({
        stores,
        ledger: known.restores,
        snapshotters,
        itemOperationTimeout: config.defaultItemOperationTimeout,
        settings: config.restoreSettings,
        concurrent: config.concurrentRestores,
        plugins,
        operationPollMillis: config.itemOperationSyncFrequency || undefined,
        onStart: witness.restoreStarted,
        onEnd: witness.restoreEnded,
      }),
      environment,
    ),
    runController(
      deleteRequestController({
        stores,
        snapshotters,
        installation,
        onStart: witness.deletionStarted,
        onEnd: witness.deletionEnded,
      }),
      environment,
    ),
    runController(
      scheduleController({
        skipByDefault: config.scheduleSkipImmediately,
        cluster,
        ledger: known.schedules,
        known: known.backups,
        onSeen: witness.scheduleSeen,
        onGone: witness.scheduleGone,
        onRefused: witness.scheduleRefused,
        onFired: witness.scheduleFired,
      }),
      environment,
    ),
    runController(downloadRequestController({ stores, ownPath, publicUrl }), environment),
    runController(statusRequestController({ version: config.version, plugins }), environment),
    ...(notifies
      ? [
          runController(
            notificationController({
              period: config.notificationPeriod,
              cluster,
              known,
              onSent: metrics.own.notified,
            }),
            environment,
          ),
        ]
      : []),
  ]
}
