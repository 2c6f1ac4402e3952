import { annotationKeys, finalizerNames } from '#api/labels.ts'
import { hasEnded } from '#api/phases.ts'
import { readObject } from '#api/read.ts'
import { Restores, type Restore } from '#api/restore.ts'
import { timestamp } from '#api/timestamp.ts'
import type { PluginModule } from '#plugins/open.ts'
import type { Controller, Environment, Next } from '#runtime/controller.ts'
import type { OpenSnapshotter } from '#volumes/snapshotter.ts'
import type { LocationStores } from './location-stores.ts'
import type { RestoreLedger } from './restore-ledger.ts'
import { cleanUpRestore } from './restore-deletion.ts'
import { makeRestore, type MakeOptions } from './restore-run.ts'
import { startRestore } from './restore-start.ts'
import { restoreTurnsOf, type RestoreTurns } from './restore-turns.ts'
import { patchLasting } from './status-patch.ts'
import { cancelReason } from './withdrawal.ts'

export interface RestoreControllerOptions {
  readonly stores: LocationStores
  /** Kept up to date by this controller. */
  readonly ledger: RestoreLedger
  readonly snapshotters: OpenSnapshotter
  /** For restores that do not say; Go notation. */
  readonly itemOperationTimeout: string
  /** How restores are done, besides what each says. */
  readonly settings?: MakeOptions['settings']
  /** Restores run at once, not counting those that wait for operations of plug-ins. */
  readonly concurrent: number
  readonly plugins: readonly PluginModule[]
  /** Milliseconds between two questions about operations; default ten seconds. */
  readonly operationPollMillis?: number | undefined
  /** Told of each attempt, refused ones included, as Velero counts. */
  readonly onStart: (restore: Restore) => void
  readonly onEnd: (restore: Restore) => void
}

/** What a Restore needs from us now. */
export type RestoreStep = 'nothing' | 'start' | 'cancel' | 'resume' | 'clean-up' | 'leave'

/**
 * Decides by phase and deletion. A restore in progress without anybody working on it is what a dead server left: it is taken up, as is one
 * that waits for operations of our plug-ins; those of Velero's only Velero can end.
 */
export function restoreStep(restore: Restore): RestoreStep {
  const phase = restore.status?.phase
  if (restore.metadata.deletionTimestamp !== undefined) {
    return restore.metadata.finalizers?.includes(finalizerNames.restore) === true ? 'clean-up' : 'nothing'
  }
  if (hasEnded(phase)) return 'nothing'
  if (phase === 'InProgress') return 'resume'
  if (phase?.startsWith('Waiting') === true || phase?.startsWith('Finalizing') === true) {
    return restore.metadata.annotations?.[annotationKeys.awaitsOperations] === 'true' ? 'resume' : 'leave'
  }
  if (phase !== undefined && phase !== 'New') return 'leave'
  return cancelReason(restore) === undefined ? 'start' : 'cancel'
}

interface Context {
  readonly environment: Environment
  readonly options: RestoreControllerOptions
  readonly turns: RestoreTurns
}

/** Restores that wait for operations while others run. */
const WAITING_AT_ONCE = 30

/** When a restore that waits looks again, should it have missed that its turn has come. */
const TURN_RECHECK_MS = 60_000

/** Runs the restores that Restore objects ask for, and removes their files when they are deleted. */
export function restoreController(options: RestoreControllerOptions): Controller<Restore> {
  const turns = restoreTurnsOf(options.concurrent)
  return {
    name: 'restore',
    type: Restores,
    ledger: options.ledger,
    // One more than work, so that the others are judged, told why they wait, and deleted meanwhile.
    workers: options.concurrent + WAITING_AT_ONCE + 1,
    async reconcile(found, environment): Promise<Next> {
      const restore = readObject(Restores, found)
      const { name } = restore.metadata
      const { log } = environment
      const context = { environment, options, turns }
      switch (restoreStep(restore)) {
        case 'start':
          return await start(restore, context)
        case 'cancel':
          await cancelWaiting(restore, context)
          return undefined
        case 'resume':
          log.info({ restore: name }, 'restore that a server left is taken up')
          return await make(restore, context, { resumes: true })
        case 'clean-up':
          await cleanUpRestore(restore, environment, options.stores)
          await turns.pass(environment)
          return undefined
        case 'leave':
          log.warn({ restore: name, phase: restore.status?.phase }, 'left to Velero: it waits for plug-ins')
          return undefined
        case 'nothing':
          return undefined
      }
    },
  }
}

async function start(asked: Restore, context: Context): Promise<Next> {
  const { environment, options, turns } = context
  const { itemOperationTimeout } = options
  const start = await startRestore(asked, environment, { turns, itemOperationTimeout })
  switch (start.do) {
    case 'run':
      return await make(start.restore, context, { resumes: false })
    case 'refused':
      options.onStart(start.restore)
      options.onEnd(start.restore)
      await turns.pass(environment)
      return undefined
    case 'wait':
      return { afterMillis: TURN_RECHECK_MS }
    case 'nothing':
      return undefined
  }
}

/** Ends a restore that has not begun. */
async function cancelWaiting(restore: Restore, { environment, options, turns }: Context): Promise<void> {
  const { kube, namespace, now, log } = environment
  const { name, resourceVersion } = restore.metadata
  const failureReason = cancelReason(restore)
  const change = {
    metadata: { resourceVersion, annotations: { [annotationKeys.waits]: null } },
    status: { phase: 'Failed', failureReason, completionTimestamp: timestamp(now()) },
  }
  const ended = await patchLasting(kube, Restores, { name, namespace, change })
  log.info({ restore: name, failureReason }, 'restore ended before it had begun')
  if (ended !== undefined) options.onEnd(ended)
  await turns.pass(environment)
}

async function make(restore: Restore, context: Context, { resumes }: { resumes: boolean }): Promise<Next> {
  const { environment, options, turns } = context
  options.onStart(restore)
  const onWaiting = (): Promise<void> => turns.pass(environment)
  const ended = await makeRestore(restore, environment, { ...options, resumes, onWaiting })
  if (environment.signal.aborted) return undefined
  if (ended !== undefined) options.onEnd(ended)
  await turns.pass(environment)
  // One that was deleted meanwhile is cleaned up now.
  return { afterMillis: 0 }
}
