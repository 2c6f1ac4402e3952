import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups, type Backup } from '#api/backup.ts'
import { finalizerNames, labelKeys, labelValue } from '#api/labels.ts'
import { hasEnded } from '#api/phases.ts'
import { readObject } from '#api/read.ts'
import { Restores, type Restore, type RestoreStatus } from '#api/restore.ts'
import { readModifiers } from '#restore/modifiers.ts'
import { runRestore } from '#restore/run.ts'
import { defaultRestore, requestedBackup, validateRestore } from '#restore/validation.ts'
import { messageOf, type Controller, type Environment, type Next } from '#runtime/controller.ts'
import { deletePrefix } from '#store/delete-prefix.ts'
import { restorePrefix } from '#store/layout.ts'
import { StoreError } from '#store/store.ts'
import type { LocationStores } from './location-stores.ts'
import { patchLasting, progressPatcher } from './status-patch.ts'
import { timestamp } from '#api/timestamp.ts'

export interface RestoreControllerOptions {
  readonly stores: LocationStores
  /** For restores that do not say; Go notation. */
  readonly itemOperationTimeout: string
  /** Restores run at once. */
  readonly concurrent: number
  /** Told of each attempt, refused ones included, as Velero counts. */
  readonly onStart: (restore: Restore) => void
  readonly onEnd: (restore: Restore) => void
}

/** What a Restore needs from us now. */
export type RestoreStep = 'nothing' | 'start' | 'resume' | 'clean-up' | 'leave'

/** Decides by phase and deletion. A restore in progress without anybody working on it is what a dead server left: it is taken up. */
export function restoreStep(restore: Restore): RestoreStep {
  const phase = restore.status?.phase
  if (restore.metadata.deletionTimestamp !== undefined) {
    return restore.metadata.finalizers?.includes(finalizerNames.restore) === true ? 'clean-up' : 'nothing'
  }
  if (hasEnded(phase)) return 'nothing'
  if (phase === 'InProgress') return 'resume'
  return phase === undefined || phase === 'New' ? 'start' : 'leave'
}

interface Context {
  readonly environment: Environment
  readonly options: RestoreControllerOptions
}

/** Runs the restores that Restore objects ask for, and removes their files when they are deleted. */
export function restoreController(options: RestoreControllerOptions): Controller<Restore> {
  return {
    name: 'restore',
    type: Restores,
    workers: options.concurrent,
    async reconcile(found, environment): Promise<Next> {
      const restore = readObject(Restores, found)
      const { name } = restore.metadata
      const { log } = environment
      switch (restoreStep(restore)) {
        case 'start':
          await start(restore, { environment, options })
          break
        case 'resume':
          log.info({ restore: name }, 'restore that a server left is taken up')
          options.onStart(restore)
          await make(restore, { environment, options }, { resumes: true })
          break
        case 'clean-up':
          await cleanUp(restore, { environment, options })
          break
        case 'leave':
          log.warn({ restore: name, phase: restore.status?.phase }, 'left to Velero: it waits for plug-ins')
          break
        case 'nothing':
          break
      }
      return undefined
    },
  }
}

async function start(asked: Restore, context: Context): Promise<void> {
  const { environment, options } = context
  const { kube, namespace, log, signal, now } = environment
  const restore = defaultRestore(asked, { itemOperationTimeout: options.itemOperationTimeout })
  const backups = await candidates(kube, restore, { namespace, signal })
  const { problems: modifierProblems } = await readModifiers(kube, restore, { signal })
  const { items: locations } = await kube.list(BackupStorageLocations, { namespace, signal })
  const problems = validateRestore(restore, { backups, locations, modifierProblems })
  const backup = requestedBackup(restore, backups)
  if (problems.length > 0 || backup === undefined) {
    log.warn({ restore: restore.metadata.name, problems }, 'restore refused')
    const status = { ...restore.status, phase: 'FailedValidation' as const, validationErrors: problems }
    const refused = await accept(restore, { spec: restore.spec, status }, environment)
    if (refused === undefined) return
    options.onStart(refused)
    options.onEnd(refused)
    return
  }
  const scheduleName = restore.spec.scheduleName || backup.metadata.labels?.[labelKeys.scheduleName]
  const spec = { ...restore.spec, backupName: backup.metadata.name, scheduleName }
  const status = { ...restore.status, phase: 'InProgress' as const, startTimestamp: timestamp(now()) }
  const started = await accept(restore, { spec, status }, environment)
  if (started === undefined) return
  log.info({ restore: started.metadata.name, backup: backup.metadata.name }, 'restore started')
  options.onStart(started)
  await make(started, context, { resumes: false })
}

/** The backups this restore can choose from: the named one, or those of its schedule. */
async function candidates(
  kube: Environment['kube'],
  { spec }: Restore,
  scope: { namespace: string; signal: AbortSignal },
): Promise<Backup[]> {
  if (spec.backupName) {
    const named = await kube.find(Backups, spec.backupName, scope)
    return named === undefined ? [] : [named]
  }
  if (!spec.scheduleName) return []
  const labelSelector = `${labelKeys.scheduleName}=${labelValue(spec.scheduleName)}`
  const backups: Backup[] = []
  for await (const page of kube.pages(Backups, { ...scope, labelSelector })) backups.push(...page.items)
  return backups
}

/** Writes what was decided, and the finalizer, before anything is done: a crash is then seen by the next server. */
async function accept(
  { metadata }: Restore,
  decided: Pick<Restore, 'spec' | 'status'>,
  { kube, namespace }: Environment,
): Promise<Restore | undefined> {
  const { name, resourceVersion } = metadata
  const finalizers = [...new Set([...(metadata.finalizers ?? []), finalizerNames.restore])]
  const change = { metadata: { finalizers, resourceVersion }, ...decided }
  return await patchLasting(kube, Restores, { name, namespace, change })
}

async function make(restore: Restore, context: Context, { resumes }: { resumes: boolean }): Promise<void> {
  const { kube, namespace, log, now, signal } = context.environment
  const { name } = restore.metadata
  let status: RestoreStatus
  try {
    status = await run(restore, context, { resumes })
  } catch (error) {
    // The next server takes the restore up.
    if (signal.aborted) return
    status = { phase: 'Failed', failureReason: messageOf(error), completionTimestamp: timestamp(now()) }
  }
  const ended = await patchLasting(kube, Restores, { name, namespace, change: { status } })
  const { phase, errors, warnings, failureReason } = status
  log.info({ restore: name, phase, errors, warnings, failureReason }, 'restore ended')
  if (ended !== undefined) context.options.onEnd(ended)
}

async function run(
  restore: Restore,
  { environment, options }: Context,
  { resumes }: { resumes: boolean },
): Promise<RestoreStatus> {
  const { kube, namespace, now, signal } = environment
  const { name } = restore.metadata
  const backup = await kube.get(Backups, restore.spec.backupName ?? '', { namespace, signal })
  const store = await options.stores.openNamed(backup.spec.storageLocation ?? '')
  const patcher = progressPatcher((progress) =>
    kube.patch(Restores, name, { merge: { status: { progress } } }, { namespace, signal }),
  )
  try {
    const ended = await runRestore({
      restore,
      backup,
      kube,
      store,
      now,
      signal,
      resumes,
      onProgress: ({ totalItems, itemsRestored }) => patcher.report({ totalItems, itemsRestored }),
    })
    return ended.status ?? {}
  } finally {
    await patcher.settle()
    await store.close()
  }
}

/** Removes the files of a deleted restore. Without its backup or location nobody knows where they are, and they are let go (spec/api-types §2). */
async function cleanUp(restore: Restore, { environment, options }: Context): Promise<void> {
  const { kube, namespace, signal } = environment
  const { name, finalizers = [], resourceVersion } = restore.metadata
  const { backupName } = restore.spec
  const backup = backupName ? await kube.find(Backups, backupName, { namespace, signal }) : undefined
  if (backup?.spec.storageLocation !== undefined) await deleteFiles(name, backup.spec.storageLocation, options.stores)
  const rest = finalizers.filter((one) => one !== finalizerNames.restore)
  const change = { metadata: { finalizers: rest, resourceVersion } }
  await patchLasting(kube, Restores, { name, namespace, change })
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
