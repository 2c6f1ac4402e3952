import type { Backup } from '#api/backup.ts'
import type { Restore } from '#api/restore.ts'
import { claimOverlap, restoreClaim, type ClaimOverlap, type RestoreClaim } from '#restore/claim.ts'

/** A restore and the backup it asks for; without one it will be refused. */
export interface AskedRestore {
  readonly restore: Restore
  readonly backup: Backup | undefined
}

/** Whether a restore may start. `why` is a sentence for whoever looks at the Restore. */
export type RestoreTurn = { readonly do: 'start' } | { readonly do: 'wait'; readonly why: string }

interface Ahead {
  readonly name: string
  readonly claim: RestoreClaim
}

/**
 * Says of each restore that waits whether its turn has come: at most `concurrent` run at a time, and none beside one that it
 * overlaps with, be that under way or older. A restore that is not held up overtakes those that are. Pure.
 */
export function restoreTurns(
  asked: readonly AskedRestore[],
  { concurrent }: { concurrent: number },
): ReadonlyMap<string, RestoreTurn> {
  const ahead: Ahead[] = asked.filter(({ restore }) => isBusy(restore)).map(claimed)
  const running = ahead.length
  let free = concurrent - running
  const turns = new Map<string, RestoreTurn>()
  for (const one of asked.filter(({ restore }) => isWaiting(restore)).toSorted(byAge)) {
    const { name } = one.restore.metadata
    // It is refused as soon as it is looked at, and touches nothing.
    if (one.backup === undefined) {
      turns.set(name, { do: 'start' })
      continue
    }
    const mine = claimed(one)
    const why = reasonToWait(mine, { ahead, free, concurrent })
    if (why === undefined) free -= 1
    turns.set(name, why === undefined ? { do: 'start' } : { do: 'wait', why })
    ahead.push(mine)
  }
  return turns
}

/** Whether a restore has not begun. */
export function isWaiting({ metadata, status }: Restore): boolean {
  return metadata.deletionTimestamp === undefined && (status?.phase ?? 'New') === 'New'
}

/** Whether a restore is at work; one that is being deleted is until its end. */
export function isBusy({ status }: Restore): boolean {
  return status?.phase === 'InProgress'
}

function claimed({ restore, backup }: AskedRestore): Ahead {
  return { name: restore.metadata.name, claim: restoreClaim(restore, backup) }
}

function reasonToWait(
  { claim }: Ahead,
  { ahead, free, concurrent }: { ahead: readonly Ahead[]; free: number; concurrent: number },
): string | undefined {
  for (const { name, claim: other } of ahead) {
    const overlap = claimOverlap(other, claim)
    if (overlap !== undefined) return `waits for restore ${name}: ${words(overlap)}`
  }
  return free > 0 ? undefined : `waits for its turn: no more than ${concurrent} at a time`
}

function words(overlap: ClaimOverlap): string {
  switch (overlap.on) {
    case 'namespace':
      return `both write to namespace ${overlap.name}`
    case 'any-namespace':
      return 'both may write to any namespace'
    case 'cluster-scope':
      return 'both bring cluster-scoped objects'
  }
}

/** The oldest first. */
function byAge(a: AskedRestore, b: AskedRestore): number {
  const age = ({ restore: { metadata } }: AskedRestore): string =>
    `${metadata.creationTimestamp ?? ''}/${metadata.name}`
  return age(a) < age(b) ? -1 : 1
}
