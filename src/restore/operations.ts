import { parseDuration } from '#api/duration.ts'
import type { Restore, RestorePhase, RestoreStatus } from '#api/restore.ts'
import type { RestoreOperation } from '#archive/item-operations.ts'
import type { Item } from '#kube/object.ts'
import { storedStatus } from '#plugins/operation-status.ts'
import { openOperations, type OperatingAction, type Operation, type OperationCounts } from '#plugins/operations.ts'
import type { RestorePluginContext } from '#plugins/plugin.ts'

/** Where a restore stands with the operations that its plug-ins have started. */
export interface RestoreOperationStanding extends OperationCounts {
  /** `WaitingForPluginOperations`, then `Finalizing`; with `PartiallyFailed` behind it once something has failed. */
  readonly phase: RestorePhase
}

export interface RestoreOperationOptions {
  readonly restore: Restore
  readonly now: () => Date
  /** Milliseconds between two questions about operations; default ten seconds, as Velero. */
  readonly operationPollMillis?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Told of each change; waited for. */
  readonly onOperations?: ((standing: RestoreOperationStanding) => Promise<void> | void) | undefined
}

/** The item for which an operation was started, where it goes. */
export type OperatedItem = Omit<Item, 'object'>

/** What a restore notes about operations that have failed. */
export interface OperationFailures {
  /** Whether anything of the restore has failed so far. */
  anyErrors(): boolean
  failed(item: OperatedItem, message: string): void
}

/** The asynchronous operations of one restore. */
export interface RestoreOperations {
  readonly counts: OperationCounts
  /** What plug-ins are told now. */
  context(): RestorePluginContext
  start(action: OperatingAction<RestorePluginContext>, id: string, item: OperatedItem): void
  /** Waits until all have ended; at once when there are none. Rejects only with the signal's reason. */
  settle(failures: OperationFailures): Promise<void>
  /** Cancels what still runs. */
  abandon(): Promise<void>
  /** As they are stored. */
  records(): RestoreOperation[]
}

const TEN_SECONDS_MS = 10_000
const FOUR_HOURS_MS = 4 * 3_600_000

/** The counters of a Restore's status; those that are zero are absent, as in Velero's. */
export function restoreOperationStatus({ attempted, completed, failed }: OperationCounts): Partial<RestoreStatus> {
  return {
    ...(attempted > 0 ? { restoreItemOperationsAttempted: attempted } : {}),
    ...(completed > 0 ? { restoreItemOperationsCompleted: completed } : {}),
    ...(failed > 0 ? { restoreItemOperationsFailed: failed } : {}),
  }
}

/** No operations yet. */
export function openRestoreOperations(options: RestoreOperationOptions): RestoreOperations {
  const { restore, now, operationPollMillis: pollMillis = TEN_SECONDS_MS, signal, onOperations } = options
  const failures: Operation<RestorePluginContext, OperatedItem>[] = []
  let phase: RestorePhase = 'InProgress'
  const context = (): RestorePluginContext => ({
    restore: {
      ...restore,
      metadata: { ...restore.metadata },
      spec: { ...restore.spec },
      status: { ...restore.status, phase },
    },
  })
  const operations = openOperations<RestorePluginContext, OperatedItem>({
    timeoutMillis: parseDuration(restore.spec.itemOperationTimeout || '0') || FOUR_HOURS_MS,
    pollMillis,
    now,
    context,
    signal,
    onFailed: (operation) => failures.push(operation),
  })
  return {
    get counts() {
      return operations.counts
    },
    context,
    start: (action, id, item) => operations.start(action, id, item),
    async settle(notes) {
      if (operations.all.length === 0) return
      const enter = async (next: 'WaitingForPluginOperations' | 'Finalizing'): Promise<void> => {
        for (const { action, id, subject, error } of failures.splice(0)) {
          notes.failed(subject, `operation ${id} of plug-in action ${action.name} failed: ${error}`)
        }
        phase = notes.anyErrors() ? `${next}PartiallyFailed` : next
        await onOperations?.({ phase, ...operations.counts })
      }
      await operations.settle(() => enter('WaitingForPluginOperations'))
      await enter('Finalizing')
    },
    abandon: () => operations.abandon(),
    records: () => operations.all.map((operation) => recordOf(restore, operation)),
  }
}

function recordOf({ metadata }: Restore, operation: Operation<RestorePluginContext, OperatedItem>): RestoreOperation {
  const { type, namespace = '', name } = operation.subject
  return {
    spec: {
      restoreName: metadata.name,
      restoreUID: metadata.uid ?? '',
      restoreItemAction: operation.action.name,
      resourceIdentifier: { Group: type.group, Resource: type.plural, Namespace: namespace, Name: name },
      operationID: operation.id,
    },
    status: storedStatus(operation),
  }
}
