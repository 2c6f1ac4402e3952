import type { Backup, BackupPhase, BackupStatus } from '#api/backup.ts'
import { parseDuration } from '#api/duration.ts'
import type { BackupOperation, ResourceIdentifier } from '#archive/item-operations.ts'
import type { StoredRunLog } from '#archive/run-log.ts'
import type { Item } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import type { BackupAction } from '#plugins/actions.ts'
import { storedStatus } from '#plugins/operation-status.ts'
import { openOperations, type Operation, type OperationCounts } from '#plugins/operations.ts'
import type { ItemReference, PluginContext } from '#plugins/plugin.ts'

/** Where a backup stands with the operations that its plug-ins have started. */
export interface OperationStanding extends OperationCounts {
  /** `WaitingForPluginOperations`, then `Finalizing`; with `PartiallyFailed` behind it once something has failed. */
  readonly phase: BackupPhase
}

/** Operations of this program itself, beside those of plug-ins. */
export interface OwnOperations {
  readonly counts: OperationCounts
  /** Resolves when none can begin any more. */
  begun(): Promise<void>
  /** Waits until all have ended; `onWaiting` hears of each change before. Rejects only with the signal's reason. */
  settle(onWaiting: () => Promise<void>): Promise<void>
  records(): BackupOperation[]
}

export interface BackupOperationOptions {
  readonly backup: Backup
  readonly own?: OwnOperations | undefined
  readonly log: StoredRunLog
  readonly now: () => Date
  /** Milliseconds between two questions about operations; default ten seconds, as Velero. */
  readonly pollMillis?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Told of each change; waited for. */
  readonly onStanding?: ((standing: OperationStanding) => Promise<void> | void) | undefined
}

interface Subject {
  readonly item: Omit<Item, 'object'>
  readonly postOperationItems: readonly ItemReference[]
}

/** The asynchronous operations of one backup. */
export interface BackupOperations {
  readonly counts: OperationCounts
  /** What plug-ins are told now. */
  context(): PluginContext
  start(action: BackupAction, id: string, subject: Subject): void
  /** Waits until all have ended; at once when there are none. A failure is an error in the log. Rejects only with the signal's reason. */
  settle(): Promise<void>
  /** Cancels what still runs. */
  abandon(): Promise<void>
  /** As they are stored. */
  records(): BackupOperation[]
}

const TEN_SECONDS_MS = 10_000
const FOUR_HOURS_MS = 4 * 3_600_000

/** The counters of a Backup's status; those that are zero are absent, as in Velero's. */
export function operationStatus({ attempted, completed, failed }: OperationCounts): Partial<BackupStatus> {
  return {
    ...(attempted > 0 ? { backupItemOperationsAttempted: attempted } : {}),
    ...(completed > 0 ? { backupItemOperationsCompleted: completed } : {}),
    ...(failed > 0 ? { backupItemOperationsFailed: failed } : {}),
  }
}

/** No operations yet. */
export function openBackupOperations(options: BackupOperationOptions): BackupOperations {
  const { backup, own, log, now, pollMillis = TEN_SECONDS_MS, signal, onStanding } = options
  let phase: BackupPhase = 'InProgress'
  const context = (): PluginContext => ({
    backup: {
      ...backup,
      metadata: { ...backup.metadata },
      spec: { ...backup.spec },
      status: { ...backup.status, phase },
    },
  })
  const operations = openOperations<PluginContext, Subject>({
    timeoutMillis: parseDuration(backup.spec.itemOperationTimeout || '0') || FOUR_HOURS_MS,
    pollMillis,
    now,
    context,
    signal,
    onFailed: ({ action, id, subject: { item }, error }) =>
      log.error('An operation of a plug-in failed', {
        resource: resourceName(item.type),
        namespace: item.namespace ?? '',
        name: item.name,
        action: action.name,
        operation: id,
        error,
      }),
  })
  const counts = (): OperationCounts => sumOf(operations.counts, own?.counts)
  const enter = async (next: 'WaitingForPluginOperations' | 'Finalizing'): Promise<void> => {
    phase = log.counts().errors > 0 ? `${next}PartiallyFailed` : next
    await onStanding?.({ phase, ...counts() })
  }
  return {
    get counts() {
      return counts()
    },
    context,
    start: (action, id, subject) => operations.start(action, id, subject),
    async settle() {
      await own?.begun()
      if (counts().attempted === 0) return
      const onWaiting = (): Promise<void> => enter('WaitingForPluginOperations')
      await Promise.all([operations.settle(onWaiting), own?.settle(onWaiting)])
      await enter('Finalizing')
    },
    abandon: () => operations.abandon(),
    records: () => [...(own?.records() ?? []), ...operations.all.map((operation) => recordOf(backup, operation))],
  }
}

function sumOf(a: OperationCounts, b: OperationCounts | undefined): OperationCounts {
  if (b === undefined) return a
  return {
    attempted: a.attempted + b.attempted,
    completed: a.completed + b.completed,
    failed: a.failed + b.failed,
  }
}

function recordOf({ metadata }: Backup, operation: Operation<PluginContext, Subject>): BackupOperation {
  const { item, postOperationItems } = operation.subject
  const { type, namespace = '', name } = item
  const identifiers = postOperationItems.map(identifierOf)
  return {
    spec: {
      backupName: metadata.name,
      backupUID: metadata.uid ?? '',
      backupItemAction: operation.action.name,
      resourceIdentifier: { Group: type.group, Resource: type.plural, Namespace: namespace, Name: name },
      operationID: operation.id,
      postOperationItems: identifiers.length === 0 ? null : identifiers,
    },
    status: storedStatus(operation),
  }
}

function identifierOf({ group = '', resource, namespace = '', name }: ItemReference): ResourceIdentifier {
  return { Group: group, Resource: resource, Namespace: namespace, Name: name }
}
