import type { Restore } from '#api/restore.ts'
import { notedOf, objectLedger, type KnownObjects, type Noted, type ObjectLedger } from './object-ledger.ts'
import { isWaiting } from './restore-queue.ts'
import { endOf, type RunEnd } from './run-end.ts'

/** What matters of a Restore to those who look at all of them. */
export interface RestoreExtract extends Noted {
  /** It has not had its turn. */
  readonly waits: boolean
  /** How it ended; undefined as long as it has not. */
  readonly end: RunEnd | undefined
}

export type KnownRestores = KnownObjects<RestoreExtract>

/** Kept by the watch of the controller of restores. */
export type RestoreLedger = ObjectLedger<Restore, RestoreExtract>

/** Knows no restores yet. */
export function restoreLedger(): RestoreLedger {
  return objectLedger((restore) => ({
    ...notedOf(restore.metadata),
    waits: isWaiting(restore),
    end: endOf(restore),
  }))
}
