import type { AnyType, Call, Query } from './call.ts'
import { Pods } from './core-types.ts'
import { collectionLabel, objectLabel, pathOf } from './call.ts'
import type {
  DeleteOptions,
  KubeClient,
  ListOptions,
  Page,
  Patch,
  RawOptions,
  RawPage,
  RestOptions,
  Scoped,
  ServerVersion,
  WriteOptions,
} from './client.ts'
import type { ClusterConfig } from './cluster-config.ts'
import { openCredentials } from './credentials.ts'
import { discover } from './discover.ts'
import { exec } from './exec.ts'
import { unreadable } from './failure.ts'
import { parseJson, writeJson } from './json.ts'
import type { ObjectMeta, ResourceType } from './object.ts'
import { pageIn, rawPageIn, rawPageOf } from './page.ts'
import { throughService } from './service-proxy.ts'
import type { Transport, TransportOptions } from './transport.ts'
import { openTransport } from './transport.ts'
import { watch } from './watch.ts'

export type { ResponseInfo } from './transport.ts'

/** Settings of a client; all have defaults that suit a big restore. */
export interface ConnectOptions extends TransportOptions {
  /** The clock by which credentials expire. */
  readonly now?: (() => Date) | undefined
}

const PAGE_SIZE = 500
/** No more than the object's metadata, in what costs the server least, where it can. What went wrong has no such form, and comes as JSON. */
const SHORT_ANSWER = ['application/vnd.kubernetes.protobuf', 'application/json']
  .map((type) => `${type};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`)
  .concat('application/json')
  .join()

/** A client of the server in `config`. Makes no request yet, so it cannot fail. */
export function connect(config: ClusterConfig, options: ConnectOptions = {}): KubeClient {
  const now = options.now ?? (() => new Date())
  const transport = openTransport({ config, credentials: openCredentials(config, now), now }, options)
  return {
    server: config.server,
    ...reads(transport),
    ...writes(transport),
    discover: ({ signal } = {}) => discover(transport, signal),
    version: ({ signal } = {}) => read<ServerVersion>(transport, versionCall(signal)),
    exec: (pod, options) => exec(transport, pod, options),
    throughService: (path, at) => throughService(transport, path, at),
    get calls() {
      return transport.calls
    },
    close: () => transport.close(),
  }
}

/** The methods that change nothing. */
function reads(
  transport: Transport,
): Pick<KubeClient, 'get' | 'find' | 'list' | 'pages' | 'listRaw' | 'pagesAfter' | 'watch' | 'podLog'> {
  const list = async <T extends object>(type: ResourceType<T>, given: ListOptions = {}): Promise<Page<T>> => {
    const call = listCall(type, given)
    const { text } = await transport.send(call)
    return pageIn(listIn(call, text), type)
  }
  const listRaw = async (type: ResourceType, given: RawOptions = {}): Promise<RawPage> => {
    const call = listCall(type, given)
    const bytes = await transport.bytes(call)
    const page = given.checked === true ? undefined : pageOfSpans(bytes, type)
    return page ?? rawPageOf(listIn(call, bytes.toString()), type, bytes.length)
  }
  return {
    get: (type, name, at = {}) => read(transport, objectCall('GET', type, { ...at, name, verb: 'get' })),
    async find<T extends object>(type: ResourceType<T>, name: string, at: Scoped = {}) {
      const call = objectCall('GET', type, { ...at, name, verb: 'get' })
      const { status, text } = await transport.send({ ...call, mayBeMissing: true })
      return status === 404 ? undefined : (parsed(call, text) as T)
    },
    list,
    pages: (type, given) => pages((before) => list(type, { ...given, continue: before?.continue ?? given?.continue })),
    listRaw,
    pagesAfter: (page, type, given) =>
      page.continue === undefined
        ? none()
        : pages((before = page) =>
            listRaw(type, { ...given, limit: nextLimit(before, given), continue: before.continue }),
          ),
    watch: (type, given) => watch(transport, type, given),
    podLog: async (pod, { container, previous, ...at }) => {
      const call = objectCall('GET', Pods, {
        ...at,
        name: pod,
        verb: 'get',
        subresource: 'log',
        query: { container, previous },
      })
      return (await transport.send({ ...call, accept: '*/*' })).text
    },
  }
}

/** The methods that change something. */
function writes(
  transport: Transport,
): Pick<KubeClient, 'create' | 'createUnread' | 'replace' | 'patch' | 'apply' | 'delete'> {
  return {
    create: (type, object, how = {}) => read(transport, createCall(type, object, how)),
    createUnread: (type, object, how = {}) =>
      transport.carryOut({ ...createCall(type, object, how), accept: SHORT_ANSWER }),
    replace: (type, object, how = {}) =>
      read(transport, writeCall('PUT', type, { how, object, verb: 'update', repeatable: true })),
    patch: (type, name, patch, how = {}) => read(transport, patchCall(type, name, { patch, how })),
    apply: (type, object, how) =>
      read(transport, {
        ...writeCall('PATCH', type, { how, object, verb: 'patch', repeatable: true, query: { force: how.force } }),
        contentType: 'application/apply-patch+yaml',
      }),
    async delete(type, name, how = {}) {
      const { status, doubtful } = await transport.send({ ...deleteCall(type, name, how), mayBeMissing: true })
      // Missing after a try whose answer was lost: that try deleted it.
      return status !== 404 || doubtful
    },
  }
}

async function read<T>(transport: Transport, call: Call): Promise<T> {
  return parsed(call, (await transport.send(call)).text) as T
}

/** Undefined when the answer has to be parsed as a whole, which also finds the words for what is wrong with it. */
function pageOfSpans(bytes: Buffer, type: ResourceType): RawPage | undefined {
  try {
    return rawPageIn(bytes, type)
  } catch {
    return undefined
  }
}

/** What is no list must not pass for an empty one. */
function listIn(call: Call, text: string): unknown {
  const document = parsed(call, text)
  const { items, metadata } = (document ?? {}) as { items?: unknown; metadata?: unknown }
  const isList = Array.isArray(items) || (items === null && typeof metadata === 'object')
  if (!isList) throw unreadable(call, text)
  return document
}

function parsed(call: Call, text: string): unknown {
  try {
    return parseJson(text)
  } catch (error) {
    throw unreadable(call, text, error)
  }
}

/** Every page; the next one is under way while the caller works on the current one. */
async function* pages<P extends { readonly continue: string | undefined }>(
  fetch: (before: P | undefined) => Promise<P>,
): AsyncGenerator<P, void, void> {
  let next: Promise<P> | undefined = fetch(undefined)
  while (next !== undefined) {
    const page: P = await next
    next = page.continue === undefined ? undefined : fetch(page)
    // The caller learns of a failure when it asks for that page; until then it must not count as unhandled.
    next?.catch(() => undefined)
    yield page
  }
}

async function* none(): AsyncGenerator<never, void, void> {}

/** So many objects as big as those of the page before. */
function nextLimit({ items, size }: RawPage, { limit = PAGE_SIZE, pageBytes }: RestOptions = {}): number {
  if (pageBytes === undefined || items.length === 0) return limit
  return Math.max(1, Math.min(limit, Math.floor((pageBytes * items.length) / size)))
}

function versionCall(signal: AbortSignal | undefined): Call {
  return { method: 'GET', path: '/version', verb: 'get', object: "the server's version", repeatable: true, signal }
}

function listCall(type: AnyType, given: ListOptions): Call {
  const { namespace, labelSelector, fieldSelector, limit = PAGE_SIZE, timeoutSeconds, signal } = given
  // The token holds the version; the server refuses both.
  const from: Query =
    given.continue === undefined
      ? { resourceVersion: given.resourceVersion, resourceVersionMatch: given.resourceVersionMatch }
      : { continue: given.continue }
  const query = { limit, labelSelector, fieldSelector, timeoutSeconds, ...from }
  return {
    method: 'GET',
    path: pathOf(type, { namespace, query }),
    verb: 'list',
    object: collectionLabel(type, namespace),
    repeatable: true,
    signal,
  }
}

function objectCall(
  method: Call['method'],
  type: AnyType,
  {
    namespace,
    name,
    verb,
    signal,
    ...more
  }: Scoped & { name: string; verb: string; subresource?: string; query?: Query },
): Call {
  return {
    method,
    path: pathOf(type, { namespace, name, ...more }),
    verb,
    object: objectLabel(type, namespace, name),
    repeatable: true,
    signal,
  }
}

interface Write {
  readonly how: WriteOptions
  readonly object: object
  readonly verb: string
  readonly repeatable: boolean
  readonly query?: Query
}

function writeCall(method: Call['method'], type: AnyType, { how, object, verb, repeatable, query }: Write): Call {
  const { name, generateName, namespace: own } = metadataOf(object)
  const namespace = how.namespace ?? own
  const { subresource } = how
  const at = { namespace, subresource, query: { ...writeQuery(how), ...query } }
  // A new object has no address of its own yet, but its subresources (a binding, an eviction) do.
  const addressed = method === 'POST' && subresource === undefined ? at : { ...at, name }
  return {
    method,
    path: pathOf(type, addressed),
    body: writeJson(object),
    verb,
    object: objectLabel(type, namespace, name ?? `${generateName ?? ''}*`),
    repeatable,
    signal: how.signal,
  }
}

function createCall(type: AnyType, object: object, how: WriteOptions): Call {
  return writeCall('POST', type, { how, object, verb: 'create', repeatable: how.dryRun === true })
}

function patchCall(type: AnyType, name: string, { patch, how }: { patch: Patch; how: WriteOptions }): Call {
  const { namespace, subresource, signal } = how
  const [kind, body] =
    'merge' in patch
      ? (['merge', patch.merge] as const)
      : 'json' in patch
        ? (['json', patch.json] as const)
        : (['strategic-merge', patch.strategic] as const)
  return {
    method: 'PATCH',
    path: pathOf(type, { namespace, name, subresource, query: writeQuery(how) }),
    body: JSON.stringify(body),
    contentType: `application/${kind}-patch+json`,
    verb: 'patch',
    object: objectLabel(type, namespace, name),
    // The others may add to a list, and twice is not once.
    repeatable: kind === 'merge',
    signal,
  }
}

function deleteCall(type: AnyType, name: string, how: DeleteOptions): Call {
  const { namespace, signal, propagation, uid, resourceVersion, gracePeriodSeconds, dryRun } = how
  const options = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    propagationPolicy: propagation,
    preconditions: uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion },
    gracePeriodSeconds,
    dryRun: dryRun === true ? ['All'] : undefined,
  }
  return { ...objectCall('DELETE', type, { namespace, name, verb: 'delete', signal }), body: JSON.stringify(options) }
}

function writeQuery({ dryRun, fieldManager }: WriteOptions): Query {
  return { dryRun: dryRun === true ? 'All' : undefined, fieldManager }
}

function metadataOf(object: object): Partial<ObjectMeta> {
  return (object as { metadata?: Partial<ObjectMeta> }).metadata ?? {}
}
