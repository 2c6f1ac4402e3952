import {
  BackupStorageLocations,
  type BackupStorageLocation,
  type BackupStorageLocationStatus,
} from '#api/backup-storage-location.ts'
import { isDuration, parseDuration } from '#api/duration.ts'
import { readObject } from '#api/read.ts'
import { messageOf, type Environment } from '#runtime/controller.ts'
import { unknownFolders, unknownFoldersMessage } from '#store/layout.ts'
import { keepOneDefault } from './default-location.ts'
import type { LocationStores } from './location-stores.ts'
import { patchLasting } from './status-patch.ts'
import { timestamp } from '#api/timestamp.ts'

export interface LocationCheckOptions {
  readonly stores: LocationStores
  /** How often a location is checked that does not say so itself; ms, 0 for once. */
  readonly validationFrequency: number
  readonly onCheck: (location: BackupStorageLocation) => void
  /** What the status of a usable location has to say all the same. */
  readonly remark: (name: string) => string
}

/** A location as it is after its check, undefined when it is gone; and when to check it again, in ms. */
export interface Checked {
  readonly location: BackupStorageLocation | undefined
  readonly again: number | undefined
}

/** Proves that locations can be used, and says so in their status (spec/server.md §7). */
export interface LocationCheck {
  whenDue(location: BackupStorageLocation, environment: Environment): Promise<Checked>
  forget(name: string): void
}

/** When to check a location: `checkIn` ms from now (0: at once), or never again until its spec changes. */
export function nextCheck(
  location: BackupStorageLocation,
  facts: { usual: number; now: Date; checkedSpec: string | undefined },
): { checkIn: number } | 'never' {
  const last = location.status?.lastValidationTime
  if (typeof last !== 'string' || facts.checkedSpec !== specOf(location)) return { checkIn: 0 }
  const frequency = periodOr(facts.usual, location.spec.validationFrequency)
  if (frequency === 0) return 'never'
  return { checkIn: Math.max(0, Date.parse(last) + frequency - facts.now.getTime()) }
}

/** The checks of one process, which checks each location once after its start. */
export function locationCheck(options: LocationCheckOptions): LocationCheck {
  const checkedSpecs = new Map<string, string>()
  return {
    async whenDue(location, environment) {
      const { name } = location.metadata
      const checkedSpec = checkedSpecs.get(name)
      const next = nextCheck(location, { usual: options.validationFrequency, now: environment.now(), checkedSpec })
      if (next === 'never') return { location, again: undefined }
      if (next.checkIn > 0) return { location, again: next.checkIn }
      await keepOneDefault(environment)
      const proveWriting = checkedSpec !== specOf(location) || location.status?.phase !== 'Available'
      const checked = await check(location, environment, { ...options, proveWriting })
      checkedSpecs.set(name, specOf(location))
      if (checked !== undefined) options.onCheck(checked)
      const frequency = periodOr(options.validationFrequency, location.spec.validationFrequency)
      return { location: checked, again: frequency === 0 ? undefined : frequency }
    },
    forget: (name) => void checkedSpecs.delete(name),
  }
}

/** The spec as one string, to tell whether it changed: writing a status raises the generation too (spec/api-types §0). */
export function specOf({ spec }: BackupStorageLocation): string {
  return JSON.stringify(spec)
}

/** In ms: the location's own period unless it is absent, negative or no duration, of which its check complains. */
export function periodOr(usual: number, own: string | null | undefined): number {
  const millis = typeof own === 'string' && isDuration(own) ? parseDuration(own) : -1
  return millis < 0 ? usual : millis
}

interface CheckOptions extends LocationCheckOptions {
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
  const reason = await fault(location, options, signal)
  signal.throwIfAborted()
  const phase = reason === undefined ? 'Available' : 'Unavailable'
  if (phase !== location.status?.phase) log.info({ location: name, phase, reason }, 'backup location checked')
  const message = reason ?? options.remark(name)
  const status: BackupStorageLocationStatus = { phase, message, lastValidationTime: timestamp(now()) }
  return await patchLasting(kube, BackupStorageLocations, { name, namespace, change: { status } })
}

/** What keeps the location from being used; undefined when nothing does. */
async function fault(
  found: BackupStorageLocation,
  { stores, proveWriting }: CheckOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const location = readObject(BackupStorageLocations, found)
    const store = await stores.open(location, { signal })
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
