import { BackupStorageLocations, type BackupStorageLocation } from '#api/backup-storage-location.ts'
import { Backups } from '#api/backup.ts'
import { Schedules } from '#api/schedule.ts'
import { timestamp } from '#api/timestamp.ts'
import { KubeError } from '#kube/error.ts'
import type { Environment } from '#runtime/controller.ts'
import { backupPrefix, backupsPrefix } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import { finishImport, importBackup, type ImportContext, type ImportEnd } from './import-backup.ts'
import { atOnce } from './at-once.ts'
import { periodOr, specOf } from './location-check.ts'
import type { LocationStores } from './location-stores.ts'
import { patchLasting } from './status-patch.ts'
import type { KnownBackups } from './backup-ledger.ts'
import { nextSync, syncPlan, type KnownBackup, type SyncPlan } from './sync-step.ts'

export interface LocationSyncOptions {
  readonly stores: LocationStores
  /** What is old in it does no harm: no object is made twice, and none removed that has changed since. */
  readonly known: KnownBackups
  /** How often a location is looked through that does not say so itself; ms, 0 for never. */
  readonly period: number
}

/** Keeps the Backup objects of locations in step with the files there. */
export interface LocationSync {
  /** Looks through the location if it is time. Resolves to when it wants to again, in ms; undefined for not before the location changes. Rejects when the store or the cluster fails; then nothing was removed. */
  whenDue(location: BackupStorageLocation, environment: Environment): Promise<number | undefined>
  /** What people have to know about what was found there last; empty for nothing. */
  trouble(name: string): string
  forget(name: string): void
}

/** What this process remembers of a location. */
interface Memory {
  tried: boolean
  syncedSpec: string | undefined
  /** Backups that were missed with `syncedSpec` in such numbers that another look has to confirm it. */
  missed: ReadonlySet<string>
  trouble: string
}

/** How soon a location asks again whether the default one has had its turn. */
const TURN_PAUSE_MS = 500

/** Synchronises as spec/object-store §15 says, and more carefully: nothing is removed on the word of one listing that shows less than half of what was there. */
export function locationSync(options: LocationSyncOptions): LocationSync {
  const memories = new Map<string, Memory>()
  const memoryOf = (name: string): Memory => {
    const memory = memories.get(name) ?? { tried: false, syncedSpec: undefined, missed: new Set(), trouble: '' }
    memories.set(name, memory)
    return memory
  }
  return {
    async whenDue(location, environment) {
      const memory = memoryOf(location.metadata.name)
      const next = nextSync(location, { usual: options.period, now: environment.now(), ...memory })
      if (next === 'never' || next === 'not-available') return undefined
      if (next.syncIn > 0) return next.syncIn
      const tried = (name: string): boolean => memories.get(name)?.tried === true
      if (!memory.tried && (await awaitsDefault(location, { environment, options, tried }))) return TURN_PAUSE_MS
      try {
        await sync(location, environment, { options, memory })
      } finally {
        memory.tried = true
      }
      return periodOr(options.period, location.spec.backupSyncPeriod)
    },
    trouble: (name) => memories.get(name)?.trouble ?? '',
    forget: (name) => void memories.delete(name),
  }
}

/** A backup that two locations hold, a bucket and its replica, is the default one's: that comes first after a start. */
async function awaitsDefault(
  { metadata }: BackupStorageLocation,
  facts: { environment: Environment; options: LocationSyncOptions; tried: (name: string) => boolean },
): Promise<boolean> {
  const { kube, namespace, signal } = facts.environment
  const { items } = await kube.list(BackupStorageLocations, { namespace, signal })
  return items.some(
    (other) =>
      other.spec.default === true &&
      other.metadata.name !== metadata.name &&
      other.status?.phase === 'Available' &&
      periodOr(facts.options.period, other.spec.backupSyncPeriod) > 0 &&
      !facts.tried(other.metadata.name),
  )
}

async function sync(
  location: BackupStorageLocation,
  environment: Environment,
  { options, memory }: { options: LocationSyncOptions; memory: Memory },
): Promise<void> {
  const { kube, namespace, now, log } = environment
  const { name } = location.metadata
  const spec = specOf(location)
  const began = performance.now()
  const store = await options.stores.open(location, { signal: environment.signal })
  try {
    const missed = memory.syncedSpec === spec ? memory.missed : new Set<string>()
    const found = await pass(store, environment, { location: name, missed, known: options.known })
    if (found.trouble !== '' && found.trouble !== memory.trouble) log.warn({ location: name }, found.trouble)
    memory.syncedSpec = spec
    memory.missed = found.missed
    memory.trouble = found.trouble
    log.debug({ location: name, seconds: (performance.now() - began) / 1000 }, 'location looked through')
  } finally {
    await store.close()
  }
  const status = { lastSyncedTime: timestamp(now()), message: memory.trouble }
  await patchLasting(kube, BackupStorageLocations, { name, namespace, change: { status } })
}

interface Found {
  readonly trouble: string
  readonly missed: ReadonlySet<string>
}

/** The folders are listed before the objects: whoever deletes a backup removes its files first, so what is deleted meanwhile is not taken for new. */
async function pass(
  store: ObjectStore,
  environment: Environment,
  { location, missed, known }: { location: string; missed: ReadonlySet<string>; known: KnownBackups },
): Promise<Found> {
  const folders = new Set(await Array.fromAsync(store.folders(backupsPrefix)))
  const plan = syncPlan(folders, await known.all(environment), { location, missed })
  const refusals = await bringIn(plan, { store, environment, location })
  if (plan.gone.do === 'suspect') {
    const names = plan.gone.backups.map(({ name }) => name)
    return { missed: new Set(names), trouble: [doubt(plan.gone), ...refusals].join('; ') }
  }
  await atOnce(plan.gone.backups, (backup) => removeObject(backup, { store, environment, location }))
  return { missed: new Set(), trouble: refusals.join('; ') }
}

const MOST_TOLD = 3

/** Makes the objects that are missing; gives sentences about what could not be taken for a backup. */
async function bringIn(
  { unknown, halfImported }: SyncPlan,
  where: Pick<ImportContext, 'store' | 'environment' | 'location'>,
): Promise<string[]> {
  if (unknown.length === 0 && halfImported.length === 0) return []
  const context = { ...where, schedules: await scheduleUids(where.environment) }
  const refused: string[] = []
  const note = (name: string, end: ImportEnd): void => {
    if (end.end === 'refused') refused.push(`backup ${name} in the store cannot be used: ${end.reason}`)
  }
  await atOnce(halfImported, async ({ name }) => note(name, await finishImport(name, context)))
  await atOnce(unknown, async (name) => note(name, await importBackup(name, context)))
  if (refused.length <= MOST_TOLD) return refused.toSorted()
  return [...refused.toSorted().slice(0, MOST_TOLD), `and ${refused.length - MOST_TOLD} more like these`]
}

async function scheduleUids({ kube, namespace, signal }: Environment): Promise<Set<string>> {
  const uids = new Set<string>()
  for await (const { items } of kube.pages(Schedules, { namespace, signal })) {
    for (const { metadata } of items) uids.add(metadata.uid ?? '')
  }
  return uids
}

function doubt({ backups, left }: { backups: readonly KnownBackup[]; left: number }): string {
  return (
    `${backups.length} of ${backups.length + left} backups known here are not in the store any more; ` +
    'nothing is removed unless the next look finds the same: check bucket, prefix and mount'
  )
}

/** A listing that was true a moment ago: the files are looked for once more, and an object that changed meanwhile stays. */
async function removeObject(
  { name, uid, resourceVersion }: KnownBackup,
  { store, environment, location }: Pick<ImportContext, 'store' | 'environment' | 'location'>,
): Promise<void> {
  const { kube, namespace, signal, log } = environment
  for await (const _ of store.list(backupPrefix(name))) return
  try {
    await kube.delete(Backups, name, { namespace, signal, uid, resourceVersion })
    log.info({ backup: name, location }, 'backup is not in the store any more, its object is removed')
  } catch (error) {
    if (!(error instanceof KubeError && error.problem === 'conflict')) throw error
  }
}
