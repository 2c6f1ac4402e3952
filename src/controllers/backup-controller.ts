import { BackupStorageLocations, type BackupStorageLocation } from '#api/backup-storage-location.ts'
import { Backups, type Backup, type BackupStatus } from '#api/backup.ts'
import { hasEnded } from '#api/phases.ts'
import { defaultBackup, readClusterFacts, type BackupSettings } from '#backup/defaults.ts'
import { BackupError } from '#backup/error.ts'
import { storedBackup } from '#backup/stored.ts'
import { runBackup } from '#backup/run.ts'
import { validateBackup } from '#backup/validation.ts'
import { messageOf, type Controller, type Environment, type Next } from '#runtime/controller.ts'
import type { ObjectStore } from '#store/store.ts'
import type { LocationStores } from './location-stores.ts'
import { patchLasting, progressPatcher } from './status-patch.ts'
import { timestamp } from './timestamp.ts'

export interface BackupControllerOptions {
  readonly stores: LocationStores
  readonly settings: Omit<BackupSettings, 'locations'>
  /** Backups made at once. */
  readonly concurrent: number
  /** Told of each end, for the metrics. */
  readonly onEnd: (backup: Backup) => void
  readonly onStart: (backup: Backup) => void
}

/** What a Backup needs from us now. */
export type BackupStep = 'nothing' | 'start' | 'resume' | 'leave'

/**
 * Decides by the phase alone. InProgress without anybody working on it is what a dead server left: it is made again under the
 * same name. Phases past InProgress with work left are Velero's asynchronous operations, which only its plug-ins can end.
 */
export function backupStep(backup: Backup): BackupStep {
  const phase = backup.status?.phase
  if (backup.metadata.deletionTimestamp !== undefined || phase === 'Deleting' || hasEnded(phase)) return 'nothing'
  if (phase === 'InProgress') return 'resume'
  return phase === undefined || phase === 'New' || phase === 'Queued' || phase === 'ReadyToStart' ? 'start' : 'leave'
}

/** Makes the backups that Backup objects ask for. */
export function backupController(options: BackupControllerOptions): Controller<Backup> {
  return {
    name: 'backup',
    type: Backups,
    workers: options.concurrent,
    async reconcile(backup, environment): Promise<Next> {
      const step = backupStep(backup)
      if (step === 'leave')
        environment.log.warn(
          { backup: backup.metadata.name, phase: backup.status?.phase },
          'left to Velero: it waits for plug-ins',
        )
      if (step === 'start' || step === 'resume') await make(backup, environment, options)
      return undefined
    },
  }
}

async function make(asked: Backup, environment: Environment, options: BackupControllerOptions): Promise<void> {
  const { kube, namespace, now, signal, log } = environment
  const facts = await readClusterFacts(kube, { signal })
  const locations = (await kube.list(BackupStorageLocations, { namespace, signal })).items
  const backup = defaultBackup(asked, { facts, now: now(), settings: { ...options.settings, locations } })
  const problems = validateBackup(backup, { locations })
  if (problems.length > 0) {
    log.warn({ backup: backup.metadata.name, problems }, 'backup refused')
    await finish(
      backup,
      { ...backup.status, phase: 'FailedValidation', validationErrors: problems },
      { environment, options },
    )
    return
  }
  const started = await begin(backup, environment)
  if (started === undefined) return
  options.onStart(started)
  log.info({ backup: backup.metadata.name }, 'backup started')
  const status = await outcome(started, locations, { environment, options })
  if (status !== undefined) await finish(started, status, { environment, options })
}

/** Writes defaults and InProgress before anything is done, so that a crash is seen by the next server. */
async function begin(backup: Backup, { kube, namespace, now }: Environment): Promise<Backup | undefined> {
  const status = {
    ...backup.status,
    phase: 'InProgress' as const,
    startTimestamp: backup.status?.startTimestamp ?? timestamp(now()),
  }
  const { name, labels, annotations } = backup.metadata
  return await patchLasting(kube, Backups, {
    name,
    namespace,
    change: { metadata: { labels, annotations }, spec: backup.spec, status },
  })
}

interface Context {
  readonly environment: Environment
  readonly options: BackupControllerOptions
}

/** The final status; undefined when the server is stopping, so that the next one takes the backup up. */
async function outcome(
  backup: Backup,
  locations: readonly BackupStorageLocation[],
  context: Context,
): Promise<BackupStatus | undefined> {
  const { environment, options } = context
  const { log, now, signal } = environment
  try {
    const location = locations.find(({ metadata }) => metadata.name === backup.spec.storageLocation)
    if (location === undefined)
      throw new BackupError('store', `backup location "${backup.spec.storageLocation}" is gone`)
    const store = await options.stores.open(location)
    try {
      return (await run(backup, store, environment)).status
    } finally {
      await store.close()
    }
  } catch (error) {
    if (signal.aborted) return undefined
    log.error({ backup: backup.metadata.name, error: messageOf(error) }, 'backup failed')
    return { ...backup.status, phase: 'Failed', failureReason: messageOf(error), completionTimestamp: timestamp(now()) }
  }
}

async function run(backup: Backup, store: ObjectStore, { kube, namespace, now, signal }: Environment): Promise<Backup> {
  const { name } = backup.metadata
  // The server may have died between the commit marker and the custom resource: then the work is done already.
  const done = await storedBackup(store, name)
  if (done !== undefined && done.metadata.uid === backup.metadata.uid) return done
  const patcher = progressPatcher(
    (progress) => kube.patch(Backups, name, { merge: { status: { progress } } }, { namespace }),
    now,
  )
  try {
    return await runBackup({
      backup,
      kube,
      store,
      now,
      signal,
      onProgress: ({ totalItems, itemsBackedUp }) => patcher.report({ totalItems: totalItems ?? 0, itemsBackedUp }),
    })
  } finally {
    await patcher.settle()
  }
}

async function finish(backup: Backup, status: BackupStatus, { environment, options }: Context): Promise<void> {
  const { kube, namespace, log } = environment
  const { name } = backup.metadata
  const change = status.phase === 'FailedValidation' ? { spec: backup.spec, status } : { status }
  const ended = await patchLasting(kube, Backups, { name, namespace, change })
  log.info({ backup: name, phase: status.phase, errors: status.errors, warnings: status.warnings }, 'backup ended')
  if (ended !== undefined) options.onEnd(ended)
}
