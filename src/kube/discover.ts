import type { Call } from './call.ts'
import type { Discovery } from './client.ts'
import type { DiscoveredGroup, DiscoveredVersion, DiscoveryDocument, ResourceListDocument } from './discovery.ts'
import { DISCOVERY_ACCEPT, groupsIn, typesIn, withPreferred } from './discovery.ts'
import { KubeError } from './error.ts'
import { unreadable } from './failure.ts'
import { apiVersionOf } from './object.ts'
import type { Transport } from './transport.ts'

type Failure = Discovery['failures'][number]

/** A group-version is asked for by itself only when its server is in doubt; that one may hang. */
const SILENCE_MILLIS = 15_000

/**
 * All types of the server in two calls where it aggregates discovery, else one call per group-version. What cannot be discovered becomes
 * a failure; rejects only when `/api` or `/apis` itself cannot be read.
 */
export async function discover(transport: Transport, signal: AbortSignal | undefined): Promise<Discovery> {
  const documents = await Promise.all(
    ['/api', '/apis'].map((path) => read<DiscoveryDocument>(transport, { path, accept: DISCOVERY_ACCEPT, signal })),
  )
  const failures: Failure[] = []
  const fill = (group: string, version: DiscoveredVersion): Promise<DiscoveredVersion> =>
    version.types === undefined
      ? readVersion(transport, { group, version: version.version, failures, signal })
      : Promise.resolve(version)
  const groups: DiscoveredGroup[] = await Promise.all(
    documents.flatMap(groupsIn).map(async (group) => ({
      ...group,
      versions: await Promise.all(group.versions.map((version) => fill(group.name, version))),
    })),
  )
  failures.sort((a, b) => (a.groupVersion < b.groupVersion ? -1 : 1))
  return { types: groups.flatMap(withPreferred), failures }
}

/**
 * One group-version by itself. For a stale one this brings the server's reason, or the types if it has recovered since the server made
 * up its list.
 */
async function readVersion(
  transport: Transport,
  {
    group,
    version,
    failures,
    signal,
  }: { group: string; version: string; failures: Failure[]; signal: AbortSignal | undefined },
): Promise<DiscoveredVersion> {
  const groupVersion = apiVersionOf({ group, version })
  const path = `${group === '' ? '/api' : '/apis'}/${groupVersion}`
  try {
    const document = await read<ResourceListDocument>(transport, {
      path,
      signal,
      silenceMillis: SILENCE_MILLIS,
      failsFast: true,
    })
    return { version, types: typesIn(document, { group, version }) }
  } catch (error) {
    if (!(error instanceof KubeError)) throw error
    failures.push({ groupVersion, message: error.serverMessage === '' ? error.message : error.serverMessage })
    return { version, types: undefined }
  }
}

async function read<T>(
  transport: Transport,
  call: Pick<Call, 'path' | 'accept' | 'signal' | 'silenceMillis' | 'failsFast'>,
): Promise<T> {
  const { text } = await transport.send({
    method: 'GET',
    verb: 'get',
    object: `the list of types at ${call.path}`,
    repeatable: true,
    ...call,
  })
  try {
    return JSON.parse(text) as T
  } catch (error) {
    throw unreadable({ verb: 'get', object: `the list of types at ${call.path}` }, text, error)
  }
}
