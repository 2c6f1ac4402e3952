import { timestamp } from '#api/timestamp.ts'
import type { Operation } from './operations.ts'

/** How far an operation is, in the words and the whole seconds in which Velero stores it (spec/object-store §10). */
export interface StoredOperationStatus {
  readonly phase: 'New' | 'InProgress' | 'Completed' | 'Failed'
  readonly error: string | undefined
  readonly nCompleted: number | undefined
  readonly nTotal: number | undefined
  readonly operationUnits: string | undefined
  readonly description: string | undefined
  readonly created: string
  readonly started: string | undefined
  readonly updated: string | undefined
}

/** The status of `operation` for an artifact. */
export function storedStatus<C, S>({ phase, error, created, progress }: Operation<C, S>): StoredOperationStatus {
  const { nCompleted, nTotal, units: operationUnits, description, started, updated } = progress
  const whole = (time: string | undefined): string | undefined => time && timestamp(new Date(time))
  return {
    phase,
    error,
    nCompleted,
    nTotal,
    operationUnits,
    description,
    created: timestamp(created),
    started: whole(started),
    updated: whole(updated),
  }
}
