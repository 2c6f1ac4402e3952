import fc from 'fast-check'
import type { KubeClient } from '#kube/client.ts'
import { openStore } from '#store/open.ts'
import type { ObjectStore } from '#store/store.ts'
import { scratchFolder } from '../support/cli.ts'
import { ownCluster, testNamespace } from '../support/cluster.ts'
import { makeKeys, makeS3Location, locationSays } from '../support/s3-location.ts'
import { s3Server } from '../support/s3-server.ts'
import { installKinds, killServer, startServer, type ServerProcess } from '../support/server.ts'
import { apiTollgate, tollgate, type Passage } from '../support/tollgate.ts'

/** What a server works on while it is killed: a Backup, or a Restore, by its name. */
export interface Work {
  readonly plural: 'backups' | 'restores'
  readonly name: string
  /** Asks for it. */
  readonly begin: () => Promise<unknown>
  /** Resolves when it has ended. */
  readonly end: () => Promise<unknown>
}

/** A server between two gates, through which it reaches the API server and the store. */
export interface KillSite extends AsyncDisposable {
  readonly kube: KubeClient
  /** Where the server is at home. */
  readonly namespace: string
  readonly store: ObjectStore
  /** Lets the work be done in peace. Gives how many passages it took. */
  passages(work: Work): Promise<number>
  /** Kills the server at the `nth` passage of the work and lets the next one end it. Gives the passage, or undefined when the work had ended before. */
  killAt(nth: number, work: Work): Promise<Passage | undefined>
}

/** Points of a work of `total` passages: one at random in each of `count` equal parts; the same ones for the same seed. */
export function spreadPoints(total: number, { count, seed }: { count: number; seed: number }): number[] {
  const places = fc.sample(fc.noBias(fc.nat(999)), { numRuns: count, seed })
  return places.map((place, part) => 1 + Math.floor(((part + place / 1000) * total) / count))
}

/** Whether a request is about volumes, their snapshots, or the work itself; watches and what is done all the time are not. */
export function isOf({ plural, name }: Pick<Work, 'plural' | 'name'>, { method, path }: Passage): boolean {
  const about = (pattern: string): boolean => path.includes(pattern)
  if (!path.startsWith('/api')) return about(`${plural}/${name}/`) || about(`${plural}%2F${name}%2F`)
  if (about('watch=')) return false
  if (about('/volumesnapshot') || about('/persistentvolume')) return true
  return about(`/${plural}/${name}`) && method !== 'GET'
}

interface Watched {
  readonly work: Work
  readonly nth: number
  readonly reached: (passage: Passage) => void
  seen: number
}

/** Starts it in a cluster of its own. */
export async function killSite(): Promise<KillSite> {
  await using stack = new AsyncDisposableStack()
  const cluster = stack.use(await ownCluster())
  const { kube } = cluster
  await installKinds(kube)
  const { name: namespace } = stack.use(await testNamespace(kube))
  const folder = stack.use(await scratchFolder())
  const s3 = stack.use(await s3Server('versitygw'))
  const store = await openStore(s3.url.replace('/prefix?', '?'), { env: s3.env })
  stack.defer(() => store.close())

  let watched: Watched | undefined
  // Once the moment has come nothing passes any more until the server is dead.
  const guard = (passage: Passage): boolean => {
    if (watched === undefined) return true
    if (watched.seen >= watched.nth) return false
    if (!isOf(watched.work, passage)) return true
    watched.seen += 1
    if (watched.seen < watched.nth) return true
    watched.reached(passage)
    return false
  }
  const api = stack.use(await apiTollgate(cluster.kubeconfigPath, folder.path, guard))
  const bucket = stack.use(await tollgate(s3.endpoint, guard))
  await makeKeys(kube, namespace, s3)
  await makeS3Location(kube, namespace, { s3, endpoint: bucket.url })
  const start = (): ServerProcess => startServer({ kubeconfigPath: api.kubeconfigPath, namespace })
  let server = start()
  stack.defer(async () => void (await server.end('SIGKILL')))
  await locationSays(kube, namespace, { phase: 'Available' })

  const watch = async (work: Work, nth: number): Promise<{ seen: number; at: Passage | undefined }> => {
    await server.leads()
    const reached = Promise.withResolvers<Passage>()
    const watching: Watched = { work, nth, reached: reached.resolve, seen: 0 }
    watched = watching
    await work.begin()
    const end = work.end()
    const at = await Promise.race([reached.promise, end.then(() => undefined)])
    if (at !== undefined) {
      await killServer(server, kube, namespace)
    }
    watched = undefined
    if (at !== undefined) server = start()
    await end
    return { seen: watching.seen, at }
  }
  const all = stack.move()
  return {
    kube,
    namespace,
    store,
    passages: async (work) => (await watch(work, Number.POSITIVE_INFINITY)).seen,
    killAt: async (nth, work) => (await watch(work, nth)).at,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}
