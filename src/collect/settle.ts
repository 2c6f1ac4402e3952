import { KubeError } from '#kube/error.ts'
import { metadataOf, type KubeObject } from '#kube/object.ts'
import { rawObject } from '#kube/raw-object.ts'
import { itemOf, type CollectedItem } from './collected.ts'
import { keyOf, selection, type ListContext, type Reading } from './list.ts'
import { openReplay, type Changes } from './replay.ts'
import { isOlder, latest } from './version.ts'

/** A list whose objects went into the backup, with the question whether an object of it does. */
export interface Replayable {
  readonly reading: Reading
  takes(item: CollectedItem): boolean
}

/** What one list's objects came to at the common version. */
export interface SettledList {
  readonly list: Replayable
  /** To be taken in their present state, instead of what was taken before. */
  readonly present: readonly CollectedItem[]
  /** Not there any more, or no longer what the backup takes; some of them were never taken. */
  readonly gone: readonly CollectedItem[]
}

/**
 * The version to which all lists can be brought when some could not be read at `cut`: the latest at which any was read. Undefined when
 * all are at the cut, but for those whose versions mean nothing to this server.
 */
export function commonVersion(lists: readonly Replayable[], cut: string): string | undefined {
  const versions = lists.filter(({ reading }) => reading.comparable).flatMap(({ reading }) => reading.parts)
  const target = latest(versions.map((part) => part.resourceVersion))
  return target === undefined || !isOlder(cut, target) ? undefined : target
}

const WATCHES_AT_ONCE = 24
/** How long one type may take to tell what has changed. */
const PATIENCE_MS = 60_000
/** The server says how far it has got two seconds before it ends a watch, otherwise only once a minute. */
const WATCH_SECONDS = 3

/**
 * Brings every list to `target` by the changes since it was read, and notes in its reading that it is there, or why not: then what was
 * read stays as it is. Rejects only when aborted.
 */
export async function settle(
  lists: readonly Replayable[],
  target: string,
  context: ListContext,
): Promise<SettledList[]> {
  const settled: SettledList[] = []
  const waiting = lists.values()
  const worker = async (): Promise<void> => {
    for (const list of waiting) {
      const one = await settleList(list, target, context)
      if (one !== undefined) settled.push(one)
    }
  }
  await Promise.all(Array.from({ length: WATCHES_AT_ONCE }, worker))
  return withoutContradictions(settled)
}

async function settleList(list: Replayable, target: string, context: ListContext): Promise<SettledList | undefined> {
  const { reading } = list
  const from = reading.parts.map((part) => part.resourceVersion).reduce((a, b) => (isOlder(b, a) ? b : a), target)
  if (!reading.comparable || reading.failure !== undefined) return undefined
  const heard = from === target ? { last: new Map() } : await changesSince(from, { reading, target, context })
  if (typeof heard === 'string') {
    reading.atCut = false
    reading.reason = heard
    return undefined
  }
  const changes = Array.from(heard.last.values(), ({ object, present }) => {
    const item = itemOf(reading.request.type, rawObject(asListed(object)))
    return { item, stays: present && list.takes(item) }
  })
  const before = reading.replayed
  reading.atCut = true
  reading.reason = undefined
  reading.resourceVersion = target
  reading.parts.splice(0, Infinity, { upTo: undefined, resourceVersion: target })
  if (from !== target)
    reading.replayed = { from: before?.from ?? from, changes: (before?.changes ?? 0) + changes.length }
  return {
    list,
    present: changes.filter(({ stays }) => stays).map(({ item }) => item),
    gone: changes.filter(({ stays }) => !stays).map(({ item }) => item),
  }
}

/** The changes of a list from a version up to another one, or why they cannot be had. */
async function changesSince(
  from: string,
  { reading, target, context }: { reading: Reading; target: string; context: ListContext },
): Promise<Changes | string> {
  const { kube, signal } = context
  const { request } = reading
  const patience = AbortSignal.timeout(PATIENCE_MS)
  const either = signal === undefined ? patience : AbortSignal.any([signal, patience])
  const replay = openReplay(reading.parts, target)
  try {
    // Makes the server's cache catch up, which otherwise happens every few seconds.
    await kube.list(request.type, {
      ...selection(request),
      resourceVersion: target,
      resourceVersionMatch: 'NotOlderThan',
      limit: 1,
      signal: either,
    })
    const options = { ...selection(request), resourceVersion: from, timeoutSeconds: WATCH_SECONDS, signal: either }
    for await (const event of kube.watch(request.type, options)) if (replay.note(event)) return replay
    return `the watch from version ${from} ended early`
  } catch (error) {
    signal?.throwIfAborted()
    if (patience.aborted) return `the server did not say within a minute what has changed since version ${from}`
    if (!(error instanceof KubeError)) throw error
    return `the changes since version ${from} cannot be had: ${error.message}`
  }
}

/** A watch gives the same fields in another order; what is stored should not tell how it was read. */
function asListed({ apiVersion, kind, ...rest }: KubeObject): KubeObject {
  return { apiVersion, kind, ...rest }
}

/** With several selectors, an object that one of them lost may be in the list of another. */
function withoutContradictions(settled: readonly SettledList[]): SettledList[] {
  const present = new Set(settled.flatMap((one) => one.present.map(typedKey)))
  return settled.map((one) => ({ ...one, gone: one.gone.filter((item) => !present.has(typedKey(item))) }))
}

function typedKey(item: CollectedItem): string {
  const { group, version, plural } = item.type
  return `${group}/${version}/${plural}/${keyOf({ metadata: metadataOf(item) })}`
}
