import type { Schedule } from '#api/schedule.ts'
import { notedOf, objectLedger, type KnownObjects, type Noted, type ObjectLedger } from './object-ledger.ts'

/** What matters of a Schedule to those who look at all of them. */
export interface ScheduleExtract extends Noted {
  /** `creationTimestamp`. */
  readonly created: string | undefined
  readonly paused: boolean
}

export type KnownSchedules = KnownObjects<ScheduleExtract>

/** Kept by the watch of the controller of schedules. */
export type ScheduleLedger = ObjectLedger<Schedule, ScheduleExtract>

/** Knows no schedules yet. */
export function scheduleLedger(): ScheduleLedger {
  return objectLedger(({ metadata, spec }) => ({
    ...notedOf(metadata),
    created: metadata.creationTimestamp,
    paused: (spec as Schedule['spec'] | undefined)?.paused === true,
  }))
}
