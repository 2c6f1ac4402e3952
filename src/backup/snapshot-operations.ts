import { setTimeout as sleep } from 'node:timers/promises'
import type { Backup } from '#api/backup.ts'
import { parseDuration } from '#api/duration.ts'
import { timestamp } from '#api/timestamp.ts'
import type { BackupOperation, ResourceIdentifier } from '#archive/item-operations.ts'
import type { SnapshotOrder } from '#volumes/snapshot-order.ts'
import type { Snapshots } from '#volumes/snapshots.ts'
import { VolumeSnapshotContents, VolumeSnapshots } from '#volumes/snapshot-types.ts'
import type { OwnOperations } from './operations.ts'

/** How Velero calls what makes snapshots ready. */
export const snapshotAction = 'velero.io/csi-volumesnapshot-backupper'

/** Velero's words for what took too long. */
const TIMED_OUT = 'Asynchronous action timed out'
const FOUR_HOURS_MS = 4 * 3_600_000
/** Snapshots may get ready by the dozen; nobody needs to hear of each. */
const QUIET_MS = 1000

/** One snapshot on its way from taken to ready. */
export interface SnapshotOperation {
  readonly order: SnapshotOrder
  readonly id: string
  readonly created: Date
  /** When it ended; undefined before. */
  readonly ended: Date | undefined
  readonly error: string | undefined
}

export interface SnapshotOperationsOptions {
  readonly backup: Backup
  readonly snapshots: Snapshots
  readonly now: () => Date
  readonly signal?: AbortSignal | undefined
  /** Resolves to every snapshot that was ordered, when no other can be. */
  readonly begun: () => Promise<readonly SnapshotOrder[]>
}

/** The asynchronous operations of CSI snapshots (spec/backup §7): those that were taken, until they are ready. */
export interface SnapshotOperations extends OwnOperations {
  of(order: SnapshotOrder): SnapshotOperation | undefined
}

export function openSnapshotOperations(options: SnapshotOperationsOptions): SnapshotOperations {
  const { backup, snapshots, now, signal, begun } = options
  const operations = new Map<SnapshotOrder, SnapshotOperation>()
  const timeout = parseDuration(backup.spec.itemOperationTimeout || '0') || FOUR_HOURS_MS
  const all = (): SnapshotOperation[] => [...operations.values()]
  const running = (): SnapshotOperation[] => all().filter(({ ended }) => ended === undefined)

  /** Takes down what has ended since. */
  const note = (): void => {
    for (const operation of running()) {
      const { order, created } = operation
      if (now().getTime() - created.getTime() > timeout) snapshots.giveUp(order, TIMED_OUT)
      const state = snapshots.stateOf(order)
      if (state?.is === 'under-way') continue
      const error = state?.is === 'failed' ? state.reason : undefined
      operations.set(order, { ...operation, ended: now(), error })
    }
  }
  const nextChange = async (): Promise<void> => {
    const enough = new AbortController()
    const left = Math.min(...running().map(({ created }) => created.getTime() + timeout - now().getTime()))
    const tooLate = sleep(Math.min(Math.max(left, 0) + 1, 0x7fff_ffff), undefined, { signal: enough.signal })
    try {
      await Promise.race([snapshots.change(), tooLate])
    } finally {
      enough.abort()
      tooLate.catch(() => undefined)
    }
  }
  return {
    of: (order) => operations.get(order),
    get counts() {
      const failed = all().filter(({ error }) => error !== undefined).length
      return { attempted: operations.size, completed: all().length - running().length - failed, failed }
    },
    async begun() {
      for (const order of await begun()) {
        const state = snapshots.stateOf(order)
        if (operations.has(order) || state === undefined || state.is === 'failed') continue
        const created = now()
        const id = `${order.namespace}/${order.name}/${timestamp(created)}`
        operations.set(order, { order, id, created, ended: undefined, error: undefined })
      }
      note()
    },
    async settle(onWaiting) {
      let told = 0
      for (note(); running().length > 0; note()) {
        if (performance.now() - told > QUIET_MS) {
          await onWaiting()
          told = performance.now()
        }
        note()
        if (running().length > 0) await nextChange()
        signal?.throwIfAborted()
      }
    },
    records: () => all().map((operation) => recordOf(backup, operation, snapshots)),
  }
}

function recordOf({ metadata }: Backup, operation: SnapshotOperation, snapshots: Snapshots): BackupOperation {
  const { order, id, created, ended, error } = operation
  const snapshot = identifier(VolumeSnapshots, order.namespace, order.name)
  const state = snapshots.stateOf(order)
  const content = state?.is === 'ready' ? [identifier(VolumeSnapshotContents, '', state.content.metadata.name)] : []
  return {
    spec: {
      backupName: metadata.name,
      backupUID: metadata.uid ?? '',
      backupItemAction: snapshotAction,
      resourceIdentifier: snapshot,
      operationID: id,
      postOperationItems: [snapshot, ...content],
    },
    status: {
      phase: ended === undefined ? 'InProgress' : error === undefined ? 'Completed' : 'Failed',
      ...(error === undefined ? {} : { error }),
      created: timestamp(created),
      started: timestamp(created),
      ...(ended === undefined ? {} : { updated: timestamp(ended) }),
    },
  }
}

function identifier(
  { group, plural }: { group: string; plural: string },
  namespace: string,
  name: string,
): ResourceIdentifier {
  return { Group: group, Resource: plural, Namespace: namespace, Name: name }
}
