import { setTimeout as sleep } from 'node:timers/promises'
import { PluginError } from './error.ts'
import type { OperationProgress } from './plugin.ts'

/** What an action must be able to do for the operations it starts. `C` is what each call is told. */
export interface OperatingAction<C> {
  readonly name: string
  progress(operationId: string, context: C): Promise<OperationProgress>
  cancel(operationId: string, context: C): Promise<void>
}

/** One asynchronous operation. `S` is what the caller keeps with it. */
export interface Operation<C, S> {
  readonly action: OperatingAction<C>
  readonly id: string
  readonly subject: S
  readonly created: Date
  readonly phase: 'New' | 'InProgress' | 'Completed' | 'Failed'
  /** As the action told last. */
  readonly progress: Omit<OperationProgress, 'completed' | 'error'>
  /** Why it failed. */
  readonly error: string | undefined
}

/** How many operations were started and how they ended. */
export interface OperationCounts {
  readonly attempted: number
  readonly completed: number
  readonly failed: number
}

export interface OperationsOptions<C, S> {
  /** Milliseconds from its start after which an operation is cancelled. */
  readonly timeoutMillis: number
  /** Milliseconds between two questions. */
  readonly pollMillis: number
  readonly now: () => Date
  /** What a call is told at this moment. */
  readonly context: () => C
  readonly signal?: AbortSignal | undefined
  /** Told of each failure once. */
  readonly onFailed: (operation: Operation<C, S>) => void
}

/** The operations of one run. */
export interface Operations<C, S> {
  readonly all: readonly Operation<C, S>[]
  readonly counts: OperationCounts
  start(action: OperatingAction<C>, id: string, subject: S): void
  /** Asks about each until all have ended; `onWaiting` hears of the counts before each pause. Rejects only with the signal's reason. */
  settle(onWaiting: (counts: OperationCounts) => Promise<void>): Promise<void>
  /** Cancels what still runs, since the run has failed and nobody will ask again. */
  abandon(): Promise<void>
}

/** Velero's words for an operation that was cancelled because it took too long. */
const TIMED_OUT = 'Asynchronous action timed out'

/** Keeps account of operations by Velero's rules (spec/server §4.2). */
export function openOperations<C, S>(options: OperationsOptions<C, S>): Operations<C, S> {
  const { now, context, pollMillis, signal } = options
  const all: Operation<C, S>[] = []
  const running = (): number[] => [...all.keys()].filter((index) => !hasEnded(all[index]!))
  const counts = (): OperationCounts => ({
    attempted: all.length,
    completed: all.filter(({ phase }) => phase === 'Completed').length,
    failed: all.filter(({ phase }) => phase === 'Failed').length,
  })
  const pollAll = async (): Promise<void> => {
    for (const index of running()) {
      const asked = await poll(all[index]!, options)
      all[index] = asked
      if (asked.phase === 'Failed') options.onFailed(asked)
    }
  }
  return {
    all,
    get counts() {
      return counts()
    },
    start(action, id, subject) {
      all.push({ action, id, subject, created: now(), phase: 'New', progress: {}, error: undefined })
    },
    async settle(onWaiting) {
      for (await pollAll(); running().length > 0; await pollAll()) {
        await onWaiting(counts())
        await sleep(pollMillis, undefined, { signal })
      }
    },
    async abandon() {
      for (const index of running()) await cancel(all[index]!, context())
    },
  }
}

function hasEnded({ phase }: Operation<unknown, unknown>): boolean {
  return phase === 'Completed' || phase === 'Failed'
}

async function poll<C, S>(operation: Operation<C, S>, options: OperationsOptions<C, S>): Promise<Operation<C, S>> {
  const { now, timeoutMillis, context } = options
  const { action, id, created } = operation
  try {
    const { completed, error, ...progress } = await action.progress(id, context())
    const asked = { ...operation, progress }
    if (completed) return error ? { ...asked, phase: 'Failed', error } : { ...asked, phase: 'Completed' }
    if (now().getTime() - created.getTime() > timeoutMillis) {
      await cancel(operation, context())
      return { ...asked, phase: 'Failed', error: TIMED_OUT }
    }
    return { ...asked, phase: progress.started === undefined ? operation.phase : 'InProgress' }
  } catch (error) {
    if (!(error instanceof PluginError)) throw error
    return { ...operation, phase: 'Failed', error: error.message }
  }
}

/** The operation counts as failed however that ends. */
async function cancel<C, S>({ action, id }: Operation<C, S>, context: C): Promise<void> {
  try {
    await action.cancel(id, context)
  } catch (error) {
    if (!(error instanceof PluginError)) throw error
  }
}
