import { BackupStorageLocations, type BackupStorageLocation } from '#api/backup-storage-location.ts'
import { Backups } from '#api/backup.ts'
import { extractOf, type KnownBackups } from '#controllers/backup-ledger.ts'
import { locationSync } from '#controllers/location-sync.ts'
import type { KubeClient } from '#kube/client.ts'
import type { Environment } from '#runtime/controller.ts'
import { memoryStore } from '#store/memory.ts'
import type { ObjectStore } from '#store/store.ts'
import { testNamespace } from './cluster.ts'
import { makeLocation } from './server.ts'

/** Passes over one location, whose store the test holds, on a clock of its own. */
export interface LocationBench extends AsyncDisposable {
  readonly store: ObjectStore
  readonly namespace: string
  readonly calls: string[]
  /** Goes on to the next period and has the location looked through; gives its status afterwards. */
  pass(): Promise<BackupStorageLocation>
  /** The same by a process that has just started and reaches the cluster through `kube`. */
  passOfAnother(kube: KubeClient): Promise<void>
  names(): Promise<string[]>
}

const MINUTE = 60_000

/** The location `here` in a namespace of its own, and no server: the test says when it is looked through. */
export async function locationBench(kube: KubeClient, options: { store?: ObjectStore } = {}): Promise<LocationBench> {
  const home = await testNamespace(kube)
  const namespace = home.name
  const { store = memoryStore() } = options
  const name = 'here'
  const calls: string[] = []
  let clock = Date.parse('2026-06-01T00:00:00Z')
  const now = (): Date => new Date(clock)
  const environment = environmentOf({ kube, namespace }, now)
  const opened = counting(store, calls)
  const stores = { open: async () => opened, openNamed: async () => opened }
  const sync = locationSync({ stores, known: listed(kube, namespace), period: MINUTE })
  const made = await makeLocation(kube, namespace, { name, path: '/x' })
  const status = { merge: { status: { phase: 'Available' } } }
  await kube.patch(BackupStorageLocations, made.metadata.name, status, { namespace })
  return {
    store,
    namespace,
    calls,
    async pass() {
      clock += MINUTE
      await sync.whenDue(await kube.get(BackupStorageLocations, name, { namespace }), environment)
      return await kube.get(BackupStorageLocations, name, { namespace })
    },
    async passOfAnother(other) {
      clock += MINUTE
      const location = await kube.get(BackupStorageLocations, name, { namespace })
      const another = locationSync({ stores, known: listed(other, namespace), period: MINUTE })
      await another.whenDue(location, environmentOf({ kube: other, namespace }, now))
    },
    names: async () => (await kube.list(Backups, { namespace })).items.map(({ metadata }) => metadata.name).toSorted(),
    [Symbol.asyncDispose]: () => home[Symbol.asyncDispose](),
  }
}

/** Afresh each time, where a server has its watch. */
function listed(kube: KubeClient, namespace: string): KnownBackups {
  return { all: async () => (await kube.list(Backups, { namespace })).items.map(extractOf) }
}

function environmentOf(place: { kube: KubeClient; namespace: string }, now: () => Date): Environment {
  const quiet = (): void => {}
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet }
  return { ...place, now, signal: new AbortController().signal, log }
}

function counting(store: ObjectStore, calls: string[]): ObjectStore {
  const told = (call: string): void => void calls.push(call)
  return {
    ...store,
    get: (key, options) => (told(`get ${key}`), store.get(key, options)),
    head: (key) => (told(`head ${key}`), store.head(key)),
    list: (prefix) => (told(`list ${prefix}`), store.list(prefix)),
    folders: (prefix) => (told(`folders ${prefix}`), store.folders(prefix)),
    close: async () => {},
  }
}
