import { Backups, type Backup } from '#api/backup.ts'
import { finalizerNames, labelKeys } from '#api/labels.ts'
import { hasEnded } from '#api/phases.ts'
import { Restores, type Restore, type RestoreStatus } from '#api/restore.ts'
import type { KubeClient } from '#kube/client.ts'
import { defaultRestore, requestedBackup, validateRestore } from '#restore/validation.ts'
import { runRestore } from '#restore/run.ts'
import { messageOf, type Controller, type Environment, type Next } from '#runtime/controller.ts'
import { restorePrefix } from '#store/layout.ts'
import { StoreError } from '#store/store.ts'
import type { LocationStores } from './location-stores.ts'
import { patchLasting, progressPatcher } from './status-patch.ts'
import { timestamp } from './timestamp.ts'
import { deletePrefix } from '#store/delete-prefix.ts'

export interface RestoreControllerOptions {
  readonly stores: LocationStores
  readonly itemOperationTimeout?: string | undefined
  /** Restores run at once. */
  readonly concurrent: number
  readonly onStart: (restore: Restore) => void
  readonly onEnd: (restore: Restore) => void
}

/** What a Restore needs from us now. */
export type RestoreStep = 'nothing' | 'run' | 'clean-up' | 'leave'

/** Decides by phase and deletion. A restore in progress without anybody working on it is run again: what it made already is recognised. */
export function restoreStep(restore: Restore): RestoreStep {
  const phase = restore.status?.phase
  if (restore.metadata.deletionTimestamp !== undefined) {
    return restore.metadata.finalizers?.includes(finalizerNames.restore) === true ? 'clean-up' : 'nothing'
  }
  if (hasEnded(phase)) return 'nothing'
  return phase === undefined || phase === 'New' || phase === 'InProgress' ? 'run' : 'leave'
}

/** Runs the restores that Restore objects ask for, and removes their files when they are deleted. */
export function restoreController(options: RestoreControllerOptions): Controller<Restore> {
  return {
    name: 'restore',
    type: Restores,
    workers: options.concurrent,
    async reconcile(restore, environment): Promise<Next> {
      const step = restoreStep(restore)
      if (step === 'run') await make(restore, { environment, options })
      if (step === 'clean-up') await cleanUp(restore, { environment, options })
      if (step === 'leave')
        environment.log.warn(
          { restore: restore.metadata.name, phase: restore.status?.phase },
          'left to Velero: it waits for plug-ins',
        )
      return undefined
    },
  }
}

interface Context {
  readonly environment: Environment
  readonly options: RestoreControllerOptions
}

async function make(asked: Restore, context: Context): Promise<void> {
  const { kube, namespace, log, signal } = context.environment
  const restore = defaultRestore(asked, timeoutOption(context.options))
  const backups = await candidates(kube, restore, { namespace, signal })
  const problems = validateRestore(restore, backups)
  const backup = requestedBackup(restore, backups)
  if (problems.length > 0 || backup === undefined) {
    log.warn({ restore: restore.metadata.name, problems }, 'restore refused')
    await finish(restore, { ...restore.status, phase: 'FailedValidation', validationErrors: problems }, context)
    return
  }
  const started = await begin(restore, backup, context.environment)
  if (started === undefined) return
  context.options.onStart(started)
  log.info({ restore: restore.metadata.name, backup: backup.metadata.name }, 'restore started')
  const status = await outcome(started, backup, context)
  if (status !== undefined) await finish(started, status, context)
}

function timeoutOption({ itemOperationTimeout }: RestoreControllerOptions): { itemOperationTimeout?: string } {
  return itemOperationTimeout === undefined ? {} : { itemOperationTimeout }
}

/** The backups this restore can choose from: the named one, or those of its schedule. */
async function candidates(
  kube: KubeClient,
  { spec }: Restore,
  scope: { namespace: string; signal: AbortSignal },
): Promise<Backup[]> {
  if (spec.backupName) {
    const named = await kube.find(Backups, spec.backupName, scope)
    return named === undefined ? [] : [named]
  }
  if (!spec.scheduleName) return []
  return (await kube.list(Backups, { ...scope, labelSelector: `${labelKeys.scheduleName}=${spec.scheduleName}` })).items
}

async function begin(
  restore: Restore,
  backup: Backup,
  { kube, namespace, now }: Environment,
): Promise<Restore | undefined> {
  const finalizers = [...new Set([...(restore.metadata.finalizers ?? []), finalizerNames.restore])]
  const spec = {
    ...restore.spec,
    backupName: backup.metadata.name,
    scheduleName: restore.spec.scheduleName ?? backup.metadata.labels?.[labelKeys.scheduleName],
  }
  const status = {
    ...restore.status,
    phase: 'InProgress' as const,
    startTimestamp: restore.status?.startTimestamp ?? timestamp(now()),
  }
  return await patchLasting(kube, Restores, {
    name: restore.metadata.name,
    namespace,
    change: { metadata: { finalizers }, spec, status },
  })
}

/** The final status; undefined when the server is stopping, so that the next one takes the restore up. */
async function outcome(
  restore: Restore,
  backup: Backup,
  { environment, options }: Context,
): Promise<RestoreStatus | undefined> {
  const { kube, namespace, now, signal, log } = environment
  const { name } = restore.metadata
  const patcher = progressPatcher(
    (progress) => kube.patch(Restores, name, { merge: { status: { progress } } }, { namespace }),
    now,
  )
  try {
    const store = await options.stores.openNamed(backup.spec.storageLocation ?? '')
    try {
      const onProgress = ({ totalItems, itemsRestored }: { totalItems: number; itemsRestored: number }): void =>
        patcher.report({ totalItems, itemsRestored })
      return (await runRestore({ restore, backup, kube, store, now, signal, onProgress })).status
    } finally {
      await patcher.settle()
      await store.close()
    }
  } catch (error) {
    if (signal.aborted) return undefined
    log.error({ restore: name, error: messageOf(error) }, 'restore failed')
    return {
      ...restore.status,
      phase: 'Failed',
      failureReason: messageOf(error),
      completionTimestamp: timestamp(now()),
    }
  }
}

async function finish(restore: Restore, status: RestoreStatus, { environment, options }: Context): Promise<void> {
  const { kube, namespace, log } = environment
  const { name } = restore.metadata
  const change = status.phase === 'FailedValidation' ? { spec: restore.spec, status } : { status }
  const ended = await patchLasting(kube, Restores, { name, namespace, change })
  log.info({ restore: name, phase: status.phase, errors: status.errors, warnings: status.warnings }, 'restore ended')
  if (ended !== undefined) options.onEnd(ended)
}

/** Removes the files of a deleted restore. Without its backup or location nobody knows where they are, and they are let go (spec/api-types §2). */
async function cleanUp(restore: Restore, { environment, options }: Context): Promise<void> {
  const { kube, namespace, signal } = environment
  const { name, finalizers = [] } = restore.metadata
  const backup = restore.spec.backupName
    ? await kube.find(Backups, restore.spec.backupName, { namespace, signal })
    : undefined
  if (backup?.spec.storageLocation !== undefined) await deleteFiles(name, backup.spec.storageLocation, options.stores)
  await patchLasting(kube, Restores, {
    name,
    namespace,
    change: { metadata: { finalizers: finalizers.filter((one) => one !== finalizerNames.restore) } },
  })
}

async function deleteFiles(name: string, location: string, stores: LocationStores): Promise<void> {
  try {
    const store = await stores.openNamed(location)
    try {
      await deletePrefix(store, restorePrefix(name))
    } finally {
      await store.close()
    }
  } catch (error) {
    // No such location any more: a reason to let go, unlike a store that does not answer.
    if (!(error instanceof StoreError) || error.problem !== 'invalid') throw error
  }
}
