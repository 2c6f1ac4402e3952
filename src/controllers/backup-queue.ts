import { claimedNamespaces, claimsOverlap } from '#backup/claimed-namespaces.ts'
import type { KubeObject } from '#kube/object.ts'
import type { BackupExtract } from './backup-ledger.ts'

/** What has to be written to a Backup so that it has its place: one that may start has position 0. */
export interface QueueChange {
  readonly name: string
  readonly phase: 'Queued' | 'ReadyToStart'
  readonly queuePosition: number
}

interface Claim {
  readonly backup: BackupExtract
  readonly namespaces: ReadonlySet<string>
}

export interface QueueFacts {
  readonly namespaces: readonly KubeObject[]
  /** Backups made at a time. */
  readonly concurrent: number
  /** Names of those that are in progress and do nothing now: they take up no place. */
  readonly resting?: ReadonlySet<string>
}

/**
 * Orders the backups that wait, and says which may start (spec/backup §1.1): at most `concurrent` at a time, and none that works on a
 * namespace of one that runs or is ahead of it. A backup that is not held up overtakes those that are. Only what changes is given. Pure.
 */
export function queueStep(
  backups: readonly BackupExtract[],
  { namespaces, concurrent, resting }: QueueFacts,
): QueueChange[] {
  const claimed = (backup: BackupExtract): Claim => ({
    backup,
    namespaces: claimedNamespaces({ spec: backup.scope }, namespaces),
  })
  const ahead: Claim[] = backups.filter((one) => isBusy(one) && resting?.has(one.name) !== true).map(claimed)
  let free = concurrent - ahead.length
  const changes: QueueChange[] = []
  let place = 0
  for (const backup of backups.filter(({ waits }) => waits).toSorted(byPlace)) {
    // Nobody behind the last free place can start, whatever they claim.
    const one = free > 0 ? claimed(backup) : undefined
    const starts = one !== undefined && !ahead.some((other) => claimsOverlap(other.namespaces, one.namespaces))
    if (starts) free -= 1
    else place += 1
    if (one !== undefined) ahead.push(one)
    const { name } = backup
    const change: QueueChange = starts
      ? { name, phase: 'ReadyToStart', queuePosition: 0 }
      : { name, phase: 'Queued', queuePosition: positionAt(place) }
    if (!isSo(backup, change)) changes.push(change)
  }
  return changes
}

/** Positions up to this one are exact. */
const EXACT = 5

/** What is written of a place in the queue: further back it is rounded up to 10, 20, 40 and so on, since each change is a call for each that waits. */
export function positionAt(place: number): number {
  let step = EXACT
  if (place <= step) return place
  while (step < place) step *= 2
  return step
}

/** Whether a backup takes up a place: those that only wait for their operations do not. */
function isBusy({ phase }: BackupExtract): boolean {
  return phase === 'ReadyToStart' || phase === 'InProgress'
}

function isSo({ phase, queuePosition }: BackupExtract, change: QueueChange): boolean {
  return phase === change.phase && queuePosition === change.queuePosition
}

/** By position, those at the same the oldest first; those without one come after. */
function byPlace(a: BackupExtract, b: BackupExtract): number {
  const place = ({ queuePosition }: BackupExtract): number => queuePosition || Number.MAX_SAFE_INTEGER
  const age = ({ created, name }: BackupExtract): string => `${created}/${name}`
  return place(a) - place(b) || (age(a) < age(b) ? -1 : 1)
}
