import {
  BackupStorageLocations,
  type BackupStorageLocation,
  type BackupStorageLocationStatus,
} from '#api/backup-storage-location.ts'
import { parseDuration } from '#api/duration.ts'
import { messageOf, type Controller, type Environment, type Next } from '#runtime/controller.ts'
import { unknownFolders, unknownFoldersMessage } from '#store/layout.ts'
import { keepOneDefault } from './default-location.ts'
import type { LocationStores } from './location-stores.ts'
import { patchLasting } from './status-patch.ts'
import { timestamp } from '#api/timestamp.ts'

export interface LocationControllerOptions {
  readonly stores: LocationStores
  /** How often a location is checked that does not say so itself; ms, 0 for once. */
  readonly validationFrequency: number
  readonly onCheck: (location: BackupStorageLocation) => void
  readonly onGone: (location: string) => void
}

/** When to check a location: `checkIn` ms from now (0: at once), or never again until its spec changes. */
export function nextCheck(
  location: BackupStorageLocation,
  facts: { usual: number; now: Date; checkedSpec: string | undefined },
): { checkIn: number } | 'never' {
  const last = location.status?.lastValidationTime
  if (typeof last !== 'string' || facts.checkedSpec !== specOf(location)) return { checkIn: 0 }
  const frequency = frequencyOf(location, facts.usual)
  if (frequency === 0) return 'never'
  return { checkIn: Math.max(0, Date.parse(last) + frequency - facts.now.getTime()) }
}

/** One unreachable location does not keep the others waiting. */
const WORKERS = 4

/** Checks that every location can be used, and says so in its status (spec/server.md §7). */
export function locationController(options: LocationControllerOptions): Controller<BackupStorageLocation> {
  const checkedSpecs = new Map<string, string>()
  return {
    name: 'backup-storage-location',
    type: BackupStorageLocations,
    workers: WORKERS,
    async reconcile(location, environment): Promise<Next> {
      const { name } = location.metadata
      const checkedSpec = checkedSpecs.get(name)
      const usual = options.validationFrequency
      const next = nextCheck(location, { usual, now: environment.now(), checkedSpec })
      if (next === 'never') return undefined
      if (next.checkIn > 0) return { afterMillis: next.checkIn }
      await keepOneDefault(environment)
      const proveWriting = checkedSpec !== specOf(location) || location.status?.phase !== 'Available'
      const checked = await check(location, environment, { stores: options.stores, proveWriting })
      checkedSpecs.set(name, specOf(location))
      if (checked !== undefined) options.onCheck(checked)
      const frequency = frequencyOf(location, usual)
      return frequency === 0 ? undefined : { afterMillis: frequency }
    },
    forget(name) {
      checkedSpecs.delete(name)
      options.onGone(name)
    },
  }
}

interface CheckOptions {
  readonly stores: LocationStores
  /** Not each time: in a locked bucket every proof stays. */
  readonly proveWriting: boolean
}

async function check(
  location: BackupStorageLocation,
  environment: Environment,
  options: CheckOptions,
): Promise<BackupStorageLocation | undefined> {
  const { kube, namespace, now, log, signal } = environment
  const { name } = location.metadata
  const message = await fault(location, options)
  signal.throwIfAborted()
  const phase = message === undefined ? 'Available' : 'Unavailable'
  if (phase !== location.status?.phase) log.info({ location: name, phase, message }, 'backup location checked')
  const status: BackupStorageLocationStatus = { phase, message: message ?? '', lastValidationTime: timestamp(now()) }
  return await patchLasting(kube, BackupStorageLocations, { name, namespace, change: { status } })
}

/** What keeps the location from being used; undefined when nothing does. */
async function fault(
  location: BackupStorageLocation,
  { stores, proveWriting }: CheckOptions,
): Promise<string | undefined> {
  try {
    const store = await stores.open(location)
    try {
      await store.check({ write: proveWriting && location.spec.accessMode !== 'ReadOnly' })
      const unknown = await unknownFolders(store)
      return unknown.length === 0 ? undefined : unknownFoldersMessage(store, unknown)
    } finally {
      await store.close()
    }
  } catch (error) {
    return messageOf(error)
  }
}

/** In ms; the location's own unless it is absent or negative. */
function frequencyOf(location: BackupStorageLocation, usual: number): number {
  const own = location.spec.validationFrequency
  const millis = typeof own === 'string' ? parseDuration(own) : -1
  return millis < 0 ? usual : millis
}

function specOf(location: BackupStorageLocation): string {
  return JSON.stringify(location.spec)
}
