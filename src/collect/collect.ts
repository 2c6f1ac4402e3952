import type { KubeClient } from '#kube/client.ts'
import type { Item, KubeObject, ResourceType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import { namespaceSkipReason, skipReason, type BackupScope } from '#selection/backup-scope.ts'
import type { Cut } from './cut.ts'
import { isNamespaces, planLists } from './list-plan.ts'
import { readPages, startList, type ListContext, type ListRequest, type Reading, type StartedList } from './list.ts'
import { mergeSources, type Source } from './merge.ts'
import { referenceKey, type Reference, type Relations } from './relations.ts'
import { failedReading, isFatal, startLists, type StartedType } from './start.ts'
import { openWanted, type Wanted, type WantedPlace } from './wanted.ts'

export interface CollectOptions {
  readonly kube: KubeClient
  readonly cut: Cut
  readonly scope: BackupScope
  readonly relations: Relations
  /** Objects per page; default 250. */
  readonly pageSize?: number | undefined
  /** Lists that are read at the same time; default 3. */
  readonly parallel?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** A cluster being collected. */
export interface Collection {
  /** Every object of the backup once, order kept inside a type; may be read once. Rejects with KubeError when the API server is lost. */
  readonly items: AsyncIterable<Item>
  /** How many objects the lists hold before filtering, as far as the server says. */
  readonly expected: number
  /** How each list was read; final when `items` has ended. */
  readonly readings: readonly Reading[]
  /** Objects that others point at and that do not exist; final when `items` has ended. */
  readonly missing: readonly Reference[]
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
  }
  const namespaces = scope.types.some(isNamespaces) ? scope.namespaces.length : 0
  const expected = lists.reduce((sum, list) => sum + list.first.length + (list.remaining ?? 0), namespaces)
  return { items: allItems(run), expected, readings, missing }
}

/** All objects of a type at the cut, for types of which there are few. `reading` says how; a failure is in it. Rejects when the API server is lost. */
export async function readAll(
  type: ResourceType,
  options: Pick<CollectOptions, 'kube' | 'cut' | 'signal'>,
): Promise<{ objects: readonly KubeObject[]; reading: Reading }> {
  const readings: Reading[] = []
  const source = listSource({ type }, { context: listContext(options), readings })
  const objects = (await Array.fromAsync(source())).flatMap((page) => page.objects)
  return { objects, reading: readings[0] ?? failedReading({ type }, 'was not read') }
}

interface Run extends CollectOptions {
  readonly context: ListContext
  readonly readings: Reading[]
  readonly missing: Reference[]
  readonly types: readonly StartedType[]
  readonly wanted: Wanted
  /** Namespaces of which a listed object was taken; only kept when a selector is set. */
  readonly populated: Set<string>
}

interface TypePage {
  readonly type: ResourceType
  readonly objects: readonly KubeObject[]
}

function listContext(options: Pick<CollectOptions, 'kube' | 'cut' | 'signal' | 'pageSize'>): ListContext {
  const { kube, cut, signal, pageSize = 250 } = options
  return { kube, cut: cut.resourceVersion, aggregated: cut.aggregated, pageSize, signal }
}

async function* allItems(run: Run): AsyncGenerator<Item, void, void> {
  const selecting = run.scope.selectors.length > 0
  if (!selecting) yield* namespaceItems(run)
  yield* listedItems(run)
  yield* relatedItems(run)
  // With a selector, a namespace goes in because something in it does: known only now.
  if (selecting) yield* namespaceItems(run)
  yield* placeItems(run, run.wanted.definitions(), () => undefined)
}

async function* listedItems(run: Run): AsyncGenerator<Item, void, void> {
  const selecting = run.scope.selectors.length > 0
  const sources = run.types.map((type) => typeSource(type, run))
  for await (const { type, objects } of mergeSources(sources, run.parallel ?? 3)) {
    for (const object of objects) {
      const item = itemOf(type, object)
      if (skipReason(item, run.scope) !== undefined) continue
      if (selecting && item.namespace !== undefined) run.populated.add(item.namespace)
      run.wanted.taken(item)
      yield item
    }
  }
}

async function* namespaceItems(run: Run): AsyncGenerator<Item, void, void> {
  const type = run.scope.types.find(isNamespaces)
  if (type === undefined) return
  for await (const { objects } of listSource({ type }, run)()) {
    for (const object of objects) {
      if (namespaceSkipReason(object, run.scope, run.populated.has(object.metadata.name)) !== undefined) continue
      const item = itemOf(type, object)
      run.wanted.taken(item)
      yield item
    }
  }
}

/** Goes on until nothing new is pulled in: a pod brings a claim, the claim a volume. */
async function* relatedItems(run: Run): AsyncGenerator<Item, void, void> {
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
): AsyncGenerator<Item, void, void> {
  const context = { ...run.context, pageSize: RELATED_PAGE }
  const absent = new Map<string, Reference>()
  for (const { type, namespace, names } of places) {
    for (const name of names) {
      const reference = { resource: resourceName(type), namespace, name }
      absent.set(referenceKey(reference), reference)
    }
  }
  const sources = places.flatMap((place) =>
    placeRequests(place).map((request) => listSource(request, { ...run, context })),
  )
  for await (const { type, objects } of mergeSources(sources, run.parallel ?? 3)) {
    for (const object of objects) {
      const item = itemOf(type, object)
      const known = absent.delete(referenceKey({ ...item, resource: resourceName(type) }))
      if (!known || skipReason(item, run.scope, 'related') !== undefined) continue
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
  return pages.flatMap((page) => page.objects)
}

/** The pages of a type, list by list; an object that two selectors take comes once. */
function typeSource({ plan, lists }: StartedType, run: Run): Source<TypePage> {
  return async function* () {
    const overlapping = run.scope.selectors.length > 1
    const seen = new Set<string>()
    const isNew = ({ metadata }: KubeObject): boolean => {
      const before = seen.size
      return seen.add(`${metadata.namespace ?? ''}/${metadata.name}`).size > before
    }
    for (const list of lists) {
      for await (const objects of guardedPages(list, run.context)) {
        yield { type: plan.type, objects: overlapping ? objects.filter(isNew) : objects }
      }
    }
  }
}

/** The pages of one list that has not been started; what goes wrong is put down in `readings`. */
function listSource(request: ListRequest, run: Pick<Run, 'context' | 'readings'>): Source<TypePage> {
  return async function* () {
    let list: StartedList
    try {
      list = await startList(request, run.context)
    } catch (error) {
      if (await isFatal(error, run.context)) throw error
      run.readings.push(failedReading(request, error))
      return
    }
    run.readings.push(list.reading)
    for await (const objects of guardedPages(list, run.context)) yield { type: request.type, objects }
  }
}

/** Ends a list that breaks off, with the reason in its reading, so that the others go on. */
async function* guardedPages(
  list: StartedList,
  context: ListContext,
): AsyncGenerator<readonly KubeObject[], void, void> {
  try {
    yield* readPages(list, context)
  } catch (error) {
    if (await isFatal(error, context)) throw error
    list.reading.failure = (error as Error).message
  }
}

function itemOf(type: ResourceType, object: KubeObject): Item {
  return { type, namespace: object.metadata.namespace, name: object.metadata.name, object }
}
