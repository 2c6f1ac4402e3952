import { BackupStorageLocations, type BackupStorageLocation } from '#api/backup-storage-location.ts'
import type { Controller, Next } from '#runtime/controller.ts'
import type { KnownBackups } from './backup-ledger.ts'
import { locationCheck, type LocationCheckOptions } from './location-check.ts'
import { locationSync } from './location-sync.ts'

export interface LocationControllerOptions extends Omit<LocationCheckOptions, 'remark'> {
  /** How often a location is looked through that does not say so itself; ms, 0 for never. */
  readonly syncPeriod: number
  readonly known: KnownBackups
  readonly onGone: (location: string) => void
}

/** One unreachable location does not keep the others waiting. */
const WORKERS = 4

/** Checks that every location can be used, then looks through it: never one that was not checked as it is now. */
export function locationController(options: LocationControllerOptions): Controller<BackupStorageLocation> {
  const sync = locationSync({ stores: options.stores, known: options.known, period: options.syncPeriod })
  const check = locationCheck({ ...options, remark: (name) => sync.trouble(name) })
  return {
    name: 'backup-storage-location',
    type: BackupStorageLocations,
    workers: WORKERS,
    async reconcile(found, environment): Promise<Next> {
      const { location, again } = await check.whenDue(found, environment)
      if (location === undefined) return undefined
      return sooner(again, await sync.whenDue(location, environment))
    },
    forget(name) {
      check.forget(name)
      sync.forget(name)
      options.onGone(name)
    },
  }
}

function sooner(...times: (number | undefined)[]): Next {
  const millis = times.filter((time) => time !== undefined)
  return millis.length === 0 ? undefined : { afterMillis: Math.min(...millis) }
}
