import type { KubeObject, ResourceType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import { namespaceSkipReason, skipReason } from '#selection/backup-scope.ts'
import type { CollectedItem, CollectedRef } from './collected.ts'
import { isNamespaces, planLists } from './list-plan.ts'
import type { ListRequest, Reading } from './list.ts'
import { mergeSources } from './merge.ts'
import { referenceKey, type Reference } from './relations.ts'
import type { CollectOptions, Run } from './run.ts'
import { commonVersion, settle } from './settle.ts'
import { listContext, listSource, typeSource } from './sources.ts'
import { failedReading, startLists } from './start.ts'
import { openWanted, type WantedPlace } from './wanted.ts'

export type { CollectOptions } from './run.ts'
export type { CollectedItem, CollectedRef } from './collected.ts'

/** A cluster being collected. */
export interface Collection {
  /**
   * Every object of the backup, order kept inside a type; may be read once, and each is good until the next one is asked for (`detached`). An object comes again only when it changed and the cut had to
   * move on meanwhile: the last one counts. Rejects with KubeError when the API server is lost.
   */
  readonly items: AsyncIterable<CollectedItem>
  /** Takes further objects, which have not come yet, into the backup, while `items` is being read. They have to pass the rules for related items, unless `mustInclude`. */
  want(references: readonly Reference[], options?: { mustInclude?: boolean }): void
  /** The resourceVersion that the objects show; final when `items` has ended. */
  readonly resourceVersion: string
  /** Objects that may have come and are not part of the backup after all; final when `items` has ended. */
  readonly gone: readonly CollectedRef[]
  /** How many objects the lists hold before filtering, as far as the server says. */
  readonly expected: number
  /** How each list was read; final when `items` has ended. */
  readonly readings: readonly Reading[]
  /** Objects that others point at and that do not exist; final when `items` has ended. */
  readonly missing: readonly Reference[]
  /** Names in `order` that no object answered to; final when `items` has ended. */
  readonly missingOrdered: readonly Reference[]
}

/** The lists of a type that is pulled in by name, up to so many names; beyond, the whole type is read. */
const FEW_NAMES = 16
/** Pulled-in types may have large objects (definitions are), and few of them are wanted. */
const RELATED_PAGE = 50

/**
 * Begins to collect what `scope` takes, all at the cut. Every list has been allowed by the server when this resolves; rejects with
 * CollectError 'forbidden' otherwise, with KubeError when the API server is lost.
 */
export async function openCollection(options: CollectOptions): Promise<Collection> {
  const { cut, scope } = options
  const context = listContext(options)
  const plans = planLists(scope, cut.namespaces.length)
  const started = await startLists(plans, context, cut.refusals)
  const readings = [...started.readings]
  const missing: Reference[] = []
  const lists = started.types.flatMap((type) => type.lists)
  const run: Run = {
    ...options,
    context,
    readings,
    missing,
    types: started.types,
    wanted: openWanted(scope, {
      relations: options.relations,
      types: cut.types,
      onMissing: (reference) => missing.push(reference),
    }),
    populated: new Set(),
    replayables: [],
    gone: new Map(),
    missingOrdered: [],
  }
  const namespaces = scope.types.some(isNamespaces) ? scope.namespaces.length : 0
  const expected = lists.reduce((sum, list) => sum + list.first.items.length + (list.first.remaining ?? 0), namespaces)
  return {
    items: allItems(run),
    want: (references, options) => run.wanted.want(references, options),
    expected,
    readings,
    missing,
    get gone() {
      return [...run.gone.values()]
    },
    missingOrdered: run.missingOrdered,
    get resourceVersion() {
      return context.cut
    },
  }
}

/** All objects of a type at the cut, for types of which there are few. `reading` says how; a failure is in it. Rejects when the API server is lost. */
export async function readAll(
  type: ResourceType,
  options: Pick<CollectOptions, 'kube' | 'cut' | 'signal'>,
): Promise<{ objects: readonly KubeObject[]; reading: Reading }> {
  const readings: Reading[] = []
  const source = listSource({ type }, { context: listContext(options), readings, replayables: [] })
  const objects = (await Array.fromAsync(source())).flatMap((page) => Array.from(page, (item) => item.object))
  return { objects, reading: readings[0] ?? failedReading({ type }, 'was not read') }
}

async function* allItems(run: Run): AsyncGenerator<CollectedItem, void, void> {
  const selecting = run.scope.selectors.length > 0
  if (!selecting) yield* namespaceItems(run)
  yield* listedItems(run)
  yield* relatedItems(run)
  // With a selector, a namespace goes in because something in it does: known only now.
  if (selecting) yield* namespaceItems(run)
  yield* placeItems(run, run.wanted.definitions(), () => undefined)
  // What these made the reader want.
  yield* relatedItems(run)
  yield* changedItems(run)
}

/** How often the cut may move on; each time there is less left to read. */
const MOVES = 5

/** When a version could not be had, everything is brought to the latest at which anything was read. */
async function* changedItems(run: Run): AsyncGenerator<CollectedItem, void, void> {
  for (let moves = 0; moves < MOVES; moves += 1) {
    const target = commonVersion(run.replayables, run.context.cut)
    if (target === undefined) return
    run.context.cut = target
    for (const { present, gone } of await settle(run.replayables, target, run.context)) {
      for (const item of gone) noteGone(run, item)
      for (const item of present) yield take(run, item)
    }
    yield* relatedItems(run)
  }
}

function noteGone(run: Run, { type, namespace, name, preferred }: CollectedItem): void {
  const ref = { type, namespace, name, preferred }
  run.gone.set(goneKey(ref), ref)
}

/** Each version of an object is an entry of its own. */
function goneKey(ref: CollectedRef): string {
  return `${ref.type.version}/${referenceKey({ ...ref, resource: resourceName(ref.type) })}`
}

function take(run: Run, item: CollectedItem): CollectedItem {
  if (run.scope.selectors.length > 0 && item.namespace !== undefined) run.populated.add(item.namespace)
  run.wanted.taken(item)
  // Made again after it was deleted.
  if (run.gone.size > 0) run.gone.delete(goneKey(item))
  return item
}

async function* listedItems(run: Run): AsyncGenerator<CollectedItem, void, void> {
  const sources = run.types.map((type) => typeSource(type, run))
  for await (const items of mergeSources(sources, run.parallel ?? 3)) {
    for (const item of items) if (skipReason(item, run.scope) === undefined) yield take(run, item)
  }
}

async function* namespaceItems(run: Run): AsyncGenerator<CollectedItem, void, void> {
  const type = run.scope.types.find(isNamespaces)
  if (type === undefined) return
  const takes = ({ object, name }: CollectedItem): boolean =>
    namespaceSkipReason(object, run.scope, run.populated.has(name)) === undefined
  for await (const items of listSource({ type }, { ...run, takes })()) {
    for (const item of items) {
      if (!takes(item)) continue
      run.wanted.taken(item)
      yield item
    }
  }
}

/** Goes on until nothing new is pulled in: a pod brings a claim, the claim a volume. */
async function* relatedItems(run: Run): AsyncGenerator<CollectedItem, void, void> {
  for (;;) {
    await meetNeighbours(run)
    const places = run.wanted.places()
    if (places.length === 0) return
    yield* placeItems(run, places, (reference) => run.missing.push(reference))
  }
}

async function* placeItems(
  run: Run,
  places: readonly WantedPlace[],
  onMissing: (reference: Reference) => void,
): AsyncGenerator<CollectedItem, void, void> {
  const absent = new Map<string, Reference>()
  for (const { type, namespace, names } of places) {
    for (const name of names) {
      const reference = { resource: resourceName(type), namespace, name }
      absent.set(referenceKey(reference), reference)
    }
  }
  const sources = places.flatMap((place) => {
    const takes = (item: CollectedItem): boolean => place.names.has(item.name) && run.wanted.accepts(item)
    return placeRequests(place).map((request) => listSource(request, { ...run, takes, pageSize: RELATED_PAGE }))
  })
  for await (const items of mergeSources(sources, run.parallel ?? 3)) {
    for (const item of items) {
      const { type, namespace, name } = item
      const known = absent.delete(referenceKey({ resource: resourceName(type), namespace, name }))
      if (!known || !run.wanted.accepts(item)) continue
      run.wanted.taken(item)
      yield item
    }
  }
  const unread = new Set(
    run.readings.filter((one) => one.failure !== undefined).map((one) => resourceName(one.request.type)),
  )
  for (const reference of absent.values()) if (!unread.has(reference.resource)) onMissing(reference)
}

function placeRequests({ type, namespace, names }: WantedPlace): ListRequest[] {
  if (names.size > FEW_NAMES) return [{ type, namespace }]
  return [...names].map((name) => ({ type, namespace, name }))
}

/** A selector on claims says nothing about the pods that use them: these are looked up in the claims' namespaces. */
async function meetNeighbours(run: Run): Promise<void> {
  const byNamespace = Map.groupBy(run.wanted.claims(), (claim) => claim.namespace)
  for (const [namespace, claims] of byNamespace) {
    const neighbours = {
      pods: await objectsIn(run, 'pods', namespace),
      claims: await objectsIn(run, 'persistentvolumeclaims', namespace),
    }
    for (const claim of claims) run.wanted.claimHasNeighbours(claim, neighbours)
  }
}

async function objectsIn(run: Run, resource: string, namespace: string | undefined): Promise<readonly KubeObject[]> {
  const type = run.cut.types.find((type) => type.preferred && resourceName(type) === resource)
  if (type === undefined) return []
  const pages = await Array.fromAsync(listSource({ type, namespace }, run)())
  return pages.flatMap((page) => Array.from(page, (item) => item.object))
}
