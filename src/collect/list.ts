import type { KubeClient, ListOptions, RawList, RawPage } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { RawObject, ResourceType } from '#kube/object.ts'
import { apiVersionOf, resourceName } from '#kube/object.ts'

/** One list to make: a type, everywhere or in one namespace, all of it or what a selector takes, or the one object of a name. */
export interface ListRequest {
  readonly type: ResourceType
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly name?: string | undefined
}

/** How one list was read. `resourceVersion` is the cut's when `atCut`, else the list's own (the last one, if it took several). */
export interface Reading {
  readonly request: ListRequest
  resourceVersion: string
  atCut: boolean
  /** The versions of its parts, in the order of keys: more than one when a version expired midway. Empty when nothing was read. */
  readonly parts: ReadingPart[]
  /** Whether its versions are those of the cut's server, so that later and earlier mean something. */
  readonly comparable: boolean
  /** Set when it was brought to the cut by the changes since it was read. */
  replayed?: { from: string; changes: number } | undefined
  /** Why it was not read at the cut. */
  reason: string | undefined
  /** Why it could not be read, or not to its end. */
  failure: string | undefined
}

/** All objects after the part before, up to and with the key `upTo`; undefined for the rest. */
export interface ReadingPart {
  upTo: string | undefined
  readonly resourceVersion: string
}

/** A list whose first objects have been read: from here on it is known to be allowed, and its continue token holds the version. */
export interface StartedList {
  readonly reading: Reading
  readonly first: RawPage
}

export interface ListContext {
  readonly kube: KubeClient
  /** The resourceVersion of the cut; moves on when it can no longer be had. */
  cut: string
  /** Group-versions that another server answers: it has revisions of its own. */
  readonly aggregated: ReadonlySet<string>
  /** Most objects per page. */
  readonly pageSize: number
  readonly signal?: AbortSignal | undefined
}

const AGGREGATED = 'served by an extension API server, which has versions of its own'
const EXPIRED = 'the cut expired before the list was read to its end'
const EXPIRED_AT_START = 'the cut had expired'
const UNABLE = 'the server cannot list this type at a given version'

/**
 * Lists begin with a few objects: enough for most types, and to learn whether the list is allowed, how large its objects are, and its
 * version; not too many to be kept until all lists have begun.
 */
const FIRST = 20
/** Several pages are in memory at the same time. */
const PAGE_BYTES = 6 * 2 ** 20

/** Begins a list at the cut, or at its own version where the cut cannot be had. Rejects with KubeError. */
export async function startList(request: ListRequest, context: ListContext): Promise<StartedList> {
  const { cut } = context
  if (context.aggregated.has(apiVersionOf(request.type))) return startAtOwnVersion(request, context, AGGREGATED)
  try {
    const page = await firstPage(request, context, { resourceVersion: cut, resourceVersionMatch: 'Exact' })
    const atCut = page.resourceVersion === cut
    return started(request, page, { atCut, reason: atCut ? undefined : UNABLE })
  } catch (error) {
    const reason = whyNotAtCut(error)
    if (reason === undefined) throw error
    return startAtOwnVersion(request, context, reason)
  }
}

/**
 * The pages of a list that was started. When its version expires under way it is listed again at a newer one and goes on after the
 * last object seen; `reading` says so. Rejects with KubeError.
 */
export async function* readPages(list: StartedList, context: ListContext): AsyncGenerator<RawList, void, void> {
  let last: string | undefined
  let start = list.first
  for (;;) {
    const lastBefore = last
    try {
      for await (const items of restOf(start, list.reading.request, context)) {
        // A list that starts over passes what was seen before.
        const seen = last === undefined ? 0 : countUpTo(last, items)
        if (seen === items.length) continue
        last = keyOf(items.at(items.length - 1))
        yield seen === 0 ? items : without(seen, items)
      }
      return
    } catch (error) {
      // Without progress between two expiries there is no end to wait for.
      if (!isExpired(error) || last === lastBefore) throw error
    }
    start = await startOver(list.reading, last, context)
  }
}

async function* restOf(
  start: RawPage,
  request: ListRequest,
  context: ListContext,
): AsyncGenerator<RawList, void, void> {
  yield start.items
  const how = { ...howToList(request, context), limit: context.pageSize, pageBytes: PAGE_BYTES }
  for await (const page of context.kube.pagesAfter(start, request.type, how)) yield page.items
}

function started(
  request: ListRequest,
  first: RawPage,
  { atCut, reason }: { atCut: boolean; reason: string | undefined },
): StartedList {
  const { resourceVersion } = first
  const reading = {
    request,
    resourceVersion,
    atCut,
    reason,
    failure: undefined,
    parts: [{ upTo: undefined, resourceVersion }],
    comparable: reason !== AGGREGATED,
  }
  return { reading, first }
}

async function startAtOwnVersion(request: ListRequest, context: ListContext, reason: string): Promise<StartedList> {
  return started(request, await firstPage(request, context, {}), { atCut: false, reason })
}

/** What was read up to `last` stays as it was; the rest is another part, of a version of its own. */
async function startOver(reading: Reading, last: string | undefined, context: ListContext): Promise<RawPage> {
  const page = await firstPage(reading.request, context, {})
  const before = reading.parts.at(-1)
  if (last === undefined) reading.parts.pop()
  else if (before !== undefined) before.upTo = last
  reading.parts.push({ upTo: undefined, resourceVersion: page.resourceVersion })
  reading.resourceVersion = page.resourceVersion
  reading.atCut = false
  reading.reason ??= EXPIRED
  return page
}

function firstPage(request: ListRequest, context: ListContext, version: ListOptions): Promise<RawPage> {
  const limit = Math.min(FIRST, context.pageSize)
  return context.kube.listRaw(request.type, { ...howToList(request, context), ...version, limit })
}

/** Of an extension server nobody knows whether it writes JSON that others can read. */
function howToList(request: ListRequest, { aggregated, signal }: ListContext): ListOptions & { checked: boolean } {
  return { ...selection(request), checked: aggregated.has(apiVersionOf(request.type)), signal }
}

/** What narrows a list or a watch down to `request`. */
export function selection({
  namespace,
  labelSelector,
  name,
}: ListRequest): Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'> {
  // A GET knows no version; a list of one name does, and the server reads just that key.
  return { namespace, labelSelector, fieldSelector: name === undefined ? undefined : `metadata.name=${name}` }
}

/** The rest of `items`. */
function without(count: number, items: RawList): RawList {
  return {
    length: items.length - count,
    at: (index) => items.at(count + index),
    release: () => items.release(),
    [Symbol.iterator]: () => Iterator.from(items).drop(count),
  }
}

/** How many of `items` were seen when `last` was: lists come in the order of their keys. */
function countUpTo(last: string, items: RawList): number {
  let count = 0
  while (count < items.length && keyOf(items.at(count)) <= last) count += 1
  return count
}

/** The key by which lists are ordered. Names are ASCII, so the order of UTF-16 units is that of the server's bytes. */
export function keyOf({ metadata }: Pick<RawObject, 'metadata'>): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`
}

function whyNotAtCut(error: unknown): string | undefined {
  if (!(error instanceof KubeError)) return undefined
  if (error.problem === 'expired') return EXPIRED_AT_START
  // Servers without the parameter refuse it; a wrong selector is refused again at the next attempt, and then for good.
  return error.problem === 'invalid' || error.problem === 'unsupported' ? UNABLE : undefined
}

function isExpired(error: unknown): boolean {
  return error instanceof KubeError && error.problem === 'expired'
}

/** `deployments.apps` or `deployments.apps in namespace shop`, for messages. */
export function listName({ type, namespace }: ListRequest): string {
  return namespace === undefined ? resourceName(type) : `${resourceName(type)} in namespace ${namespace}`
}
