import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { parseDuration } from '#api/duration.ts'
import { locationStores } from '#controllers/location-stores.ts'
import { examineCluster } from '#doctor/examine-cluster.ts'
import { examineStore } from '#doctor/examine-store.ts'
import type { ClusterFacts, StoreFacts } from '#doctor/facts.ts'
import { findings } from '#doctor/findings.ts'
import type { KubeClient } from '#kube/client.ts'
import { openStore } from '#store/open.ts'
import { StoreError } from '#store/store.ts'
import { command } from '../command.ts'
import { doorFlags, openCluster, serverNamespace } from '../connection.ts'
import { print, type CliContext } from '../context.ts'
import { FOUND, OK, USAGE, UserError } from '../exit.ts'
import { choice, duration, toggle, type FlagValues } from '../flag.ts'
import { printDocument } from '../output.ts'
import { doctorLines, doctorReport } from './doctor-report.ts'

const flags = {
  ...doorFlags,
  deep: toggle('read every archive, and compare it with its manifest where there is one'),
  'max-age': duration('how old the last good backup of a namespace may be (default 168h)'),
  output: choice('how to print what was found', ['table', 'json', 'yaml'], { short: 'o' }),
}
type Given = FlagValues<typeof flags>

export const doctor = command({
  path: ['doctor'],
  summary: 'Check up stores, and the cluster: what could not be restored, and why; changes nothing',
  flags,
  examples: [
    'lifeboat doctor',
    "lifeboat doctor --store 's3://backups/cluster-a?region=eu-west-1' --deep",
    'lifeboat doctor --store ./backups --kubecontext prod -o json',
  ],
  async run({ flags: given, context }) {
    const maxAge = parseDuration(given['max-age'] ?? '168h')
    if (maxAge < 0) throw new UserError('--max-age cannot be negative', { exitCode: USAGE })
    const { stores, cluster } = await examine(given, context)
    const found = findings({ stores, cluster, now: context.now(), maxAge })
    const report = doctorReport({ stores, cluster, found })
    if (given.output === 'json' || given.output === 'yaml') printDocument(context, report, given.output)
    else print(context, doctorLines(report, context))
    return found.some(({ severity }) => severity !== 'note') ? FOUND : OK
  },
})

interface Seen {
  readonly stores: readonly StoreFacts[]
  readonly cluster: ClusterFacts | undefined
}

/** A store that is named is looked through alone, unless a cluster is named too: the one of the environment may be another store's. */
async function examine(given: Given, context: CliContext): Promise<Seen> {
  const url = given.store ?? (context.env['LIFEBOAT_STORE'] || undefined)
  const namesCluster = given.kubeconfig !== undefined || given.kubecontext !== undefined
  const { signal } = context
  const deep = given.deep === true
  if (url !== undefined && !namesCluster)
    return { stores: [await examineUrl(url, { deep, context })], cluster: undefined }
  const kube = await openCluster(context, given)
  try {
    const namespace = serverNamespace(context, given)
    const cluster = await examineCluster(kube, { namespace, signal })
    const stores =
      url === undefined
        ? await examineLocations(kube, { namespace, deep, context })
        : [await examineUrl(url, { deep, context })]
    return { stores, cluster }
  } finally {
    await kube.close()
  }
}

interface Way {
  readonly deep: boolean
  readonly context: CliContext
}

async function examineUrl(url: string, { deep, context }: Way): Promise<StoreFacts> {
  const { env, cwd, signal } = context
  const store = await openStore(url, { env, cwd, signal })
  try {
    // A directory that is not there would look like an empty store.
    await store.check({ write: false })
    return await examineStore(store, { deep, signal })
  } finally {
    await store.close()
  }
}

async function examineLocations(
  kube: KubeClient,
  { namespace, deep, context }: Way & { namespace: string },
): Promise<StoreFacts[]> {
  const { signal, env } = context
  const stores = locationStores(kube, { namespace, env })
  const facts: StoreFacts[] = []
  const { items } = await kube.list(BackupStorageLocations, { namespace, signal })
  for (const location of items) {
    const place = `location ${location.metadata.name}`
    try {
      const store = await stores.open(location)
      try {
        facts.push(await examineStore(store, { place, deep, signal }))
      } finally {
        await store.close()
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      facts.push({ place, unreadable: error.message, backups: [], leftovers: [], strangers: [] })
    }
  }
  return facts
}
