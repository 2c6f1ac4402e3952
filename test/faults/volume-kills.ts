import fc from 'fast-check'
import type { KubeClient } from '#kube/client.ts'
import { openStore } from '#store/open.ts'
import type { ObjectStore } from '#store/store.ts'
import { scratchFolder } from '../support/cli.ts'
import { ownCluster, testNamespace } from '../support/cluster.ts'
import { ec2Gate } from '../support/ec2-gate.ts'
import { ec2Env, type Ec2Server } from '../support/moto.ts'
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

/** A server between gates, through which it reaches the API server, the store, and EC2 if it knows of one. */
export interface KillSite extends AsyncDisposable {
  readonly kube: KubeClient
  /** Where the server is at home. */
  readonly namespace: string
  readonly store: ObjectStore
  /** Lets the work be done in peace. Gives how many passages it took. */
  passages(work: Work): Promise<number>
  /** Kills the server at the `nth` passage of the work and lets the next one end it. Gives the passage, or undefined when the work had ended before. */
  killAt(nth: number, work: Work): Promise<Passage | undefined>
  /** The same at the first passage, of whatever work, of which `isMoment` says so. */
  killWhen(isMoment: (passage: Passage) => boolean, work: Work): Promise<Passage | undefined>
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

/** What the server is killed for. */
interface Watch {
  /** Asked about each passage of whatever work. */
  readonly isMoment: (passage: Passage) => boolean
  readonly reached: (passage: Passage) => void
  over: boolean
}

/** Starts it in a cluster of its own; `ec2` is for volumes of EBS. */
export async function killSite({ ec2 }: { ec2?: Pick<Ec2Server, 'endpoint'> } = {}): Promise<KillSite> {
  await using stack = new AsyncDisposableStack()
  const cluster = stack.use(await ownCluster())
  const { kube } = cluster
  await installKinds(kube)
  const { name: namespace } = stack.use(await testNamespace(kube))
  const folder = stack.use(await scratchFolder())
  const s3 = stack.use(await s3Server('versitygw'))
  const store = await openStore(s3.url.replace('/prefix?', '?'), { env: s3.env })
  stack.defer(() => store.close())

  let watched: Watch | undefined
  // Once the moment has come nothing passes any more until the server is dead.
  const guard = (passage: Passage): boolean => {
    if (watched === undefined) return true
    if (watched.over) return false
    if (!watched.isMoment(passage)) return true
    watched.over = true
    watched.reached(passage)
    return false
  }
  const api = stack.use(await apiTollgate(cluster.kubeconfigPath, folder.path, guard))
  const bucket = stack.use(await tollgate(s3.endpoint, guard))
  const cloud = ec2 && stack.use(await ec2Gate(ec2.endpoint, { guard }))
  const env = cloud === undefined ? {} : { ...ec2Env, AWS_ENDPOINT_URL_EC2: cloud.endpoint }
  await makeKeys(kube, namespace, s3)
  await makeS3Location(kube, namespace, { s3, endpoint: bucket.url })
  const start = (): ServerProcess => startServer({ kubeconfigPath: api.kubeconfigPath, namespace, env })
  let server = start()
  stack.defer(async () => void (await server.end('SIGKILL')))
  await locationSays(kube, namespace, { phase: 'Available' })

  const killWhen: KillSite['killWhen'] = async (isMoment, work) => {
    await server.leads()
    const reached = Promise.withResolvers<Passage>()
    watched = { isMoment, reached: reached.resolve, over: false }
    await work.begin()
    const end = work.end()
    const at = await Promise.race([reached.promise, end.then(() => undefined)])
    if (at !== undefined) {
      await killServer(server, kube, namespace)
    }
    watched = undefined
    if (at !== undefined) server = start()
    await end
    return at
  }
  const all = stack.move()
  return {
    kube,
    namespace,
    store,
    killWhen,
    async passages(work) {
      let seen = 0
      await killWhen((passage) => {
        if (isOf(work, passage)) seen += 1
        return false
      }, work)
      return seen
    },
    async killAt(nth, work) {
      let seen = 0
      return await killWhen((passage) => isOf(work, passage) && ++seen === nth, work)
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}
