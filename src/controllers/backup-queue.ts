import type { Backup } from '#api/backup.ts'
import { claimedNamespaces, claimsOverlap } from '#backup/claimed-namespaces.ts'
import type { KubeObject } from '#kube/object.ts'

/** What has to be written to a Backup so that it has its place: one that may start has position 0. */
export interface QueueChange {
  readonly name: string
  readonly phase: 'Queued' | 'ReadyToStart'
  readonly queuePosition: number
}

interface Waiting {
  readonly backup: Backup
  readonly namespaces: ReadonlySet<string>
}

/**
 * Orders the backups that wait, and says which may start (spec/backup §1.1): at most `concurrent` at a time, and none that works on a
 * namespace of one that runs or is ahead of it. A backup that is not held up overtakes those that are. Only what changes is given. Pure.
 */
export function queueStep(
  backups: readonly Backup[],
  cluster: { namespaces: readonly KubeObject[]; concurrent: number },
): QueueChange[] {
  const claimed = (backup: Backup): Waiting => ({ backup, namespaces: claimedNamespaces(backup, cluster.namespaces) })
  const ahead: Waiting[] = backups.filter(isBusy).map(claimed)
  let free = cluster.concurrent - ahead.length
  const changes: QueueChange[] = []
  let place = 0
  for (const one of backups.filter(isWaiting).toSorted(byPlace).map(claimed)) {
    const starts = free > 0 && !ahead.some((other) => claimsOverlap(other.namespaces, one.namespaces))
    if (starts) free -= 1
    else place += 1
    ahead.push(one)
    const { name } = one.backup.metadata
    const change: QueueChange = starts
      ? { name, phase: 'ReadyToStart', queuePosition: 0 }
      : { name, phase: 'Queued', queuePosition: positionAt(place) }
    if (!isSo(one.backup, change)) changes.push(change)
  }
  return changes
}

/** Positions up to this one are exact. */
const EXACT = 10
/** Those behind are rounded up, to steps that are so much further apart each. */
const STEP = 1.25

/** What is written of a place in the queue: far back several backups share a number, which changes some twenty times until it is exact. */
export function positionAt(place: number): number {
  let step = EXACT
  if (place <= step) return place
  while (step < place) step = Math.floor(step * STEP)
  return step
}

/** Whether a backup waits for its turn. */
export function isWaiting({ metadata, status }: Pick<Backup, 'metadata' | 'status'>): boolean {
  const phase = status?.phase ?? 'New'
  return metadata.deletionTimestamp === undefined && (phase === 'New' || phase === 'Queued')
}

/** Whether a backup takes up a place: those that only wait for their operations do not. */
function isBusy({ status }: Backup): boolean {
  return status?.phase === 'ReadyToStart' || status?.phase === 'InProgress'
}

function isSo({ status }: Backup, change: QueueChange): boolean {
  return status?.phase === change.phase && (status.queuePosition ?? 0) === change.queuePosition
}

/** By position, those at the same the oldest first; those without one come after. */
function byPlace(a: Backup, b: Backup): number {
  const place = ({ status }: Backup): number => status?.queuePosition || Number.MAX_SAFE_INTEGER
  const age = ({ metadata }: Backup): string => `${metadata.creationTimestamp ?? ''}/${metadata.name}`
  return place(a) - place(b) || (age(a) < age(b) ? -1 : 1)
}
