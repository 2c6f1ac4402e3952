import type { RawList } from '#kube/client.ts'
import type { RawObject, ResourceType } from '#kube/object.ts'
import { detached, metadataOf, resourceName } from '#kube/object.ts'
import { skipReason } from '#selection/backup-scope.ts'
import { itemOf, type CollectedItem } from './collected.ts'
import { keyOf, readPages, startList, type ListContext, type ListRequest, type StartedList } from './list.ts'
import type { Source } from './merge.ts'
import type { CollectOptions, Run } from './run.ts'
import { failedReading, isFatal, type StartedType } from './start.ts'

/** Objects of one type, as they came. Each is good until the next one is asked for: whoever keeps it takes it `detached`. */
export type ItemPage = Iterable<CollectedItem>

/** What lists are made with. */
export function listContext(options: Pick<CollectOptions, 'kube' | 'cut' | 'signal' | 'pageSize'>): ListContext {
  const { kube, cut, signal, pageSize = 500 } = options
  return { kube, cut: cut.resourceVersion, aggregated: cut.aggregated, pageSize, signal }
}

/** The pages of a type, list by list, the objects with a place in the order first; an object that two selectors take comes once. */
export function typeSource({ plan, lists }: StartedType, run: Run): Source<ItemPage> {
  const { type } = plan
  const takes = (item: CollectedItem): boolean => skipReason(item, run.scope) === undefined
  return async function* () {
    const seen = new Set<string>()
    for (const items of await orderedItems(type, { ...run, takes })) {
      for (const item of items) seen.add(keyOf({ metadata: metadataOf(item) }))
      yield items
    }
    const deduplicating = run.scope.selectors.length > 1 || seen.size > 0
    const isNew = (object: RawObject): boolean => {
      const before = seen.size
      return seen.add(keyOf(object)).size > before
    }
    for (const list of lists) {
      run.replayables.push({ reading: list.reading, takes })
      for await (const objects of guardedPages(list, run.context)) {
        yield itemsOf(type, objects, deduplicating ? isNew : undefined)
      }
    }
  }
}

interface Taking {
  /** Whether an object of the list goes into the backup; without it nothing of the list does. */
  readonly takes?: ((item: CollectedItem) => boolean) | undefined
  readonly pageSize?: number | undefined
}

/** The pages of one list that has not been started; what goes wrong is put down in `readings`. */
export function listSource(
  request: ListRequest,
  run: Pick<Run, 'context' | 'readings' | 'replayables'> & Taking,
): Source<ItemPage> {
  return async function* () {
    const context = run.pageSize === undefined ? run.context : { ...run.context, pageSize: run.pageSize }
    let list: StartedList
    try {
      list = await startList(request, context)
    } catch (error) {
      if (await isFatal(error, context)) throw error
      run.readings.push(failedReading(request, error))
      return
    }
    run.readings.push(list.reading)
    if (run.takes !== undefined) run.replayables.push({ reading: list.reading, takes: run.takes })
    for await (const objects of guardedPages(list, context)) yield itemsOf(request.type, objects)
  }
}

/** One after the other, so that no object is made before its turn: until then a page costs its bytes, and after the last one nothing. */
function* itemsOf(
  type: ResourceType,
  objects: RawList,
  isWanted?: (object: RawObject) => boolean,
): Generator<CollectedItem, void, void> {
  for (const object of objects) if (isWanted?.(object) !== false) yield itemOf(type, object)
  objects.release()
}

/** Ends a list that breaks off, with the reason in its reading, so that the others go on. */
async function* guardedPages(list: StartedList, context: ListContext): AsyncGenerator<RawList, void, void> {
  try {
    yield* readPages(list, context)
  } catch (error) {
    if (await isFatal(error, context)) throw error
    list.reading.failure = (error as Error).message
  }
}

/** The objects of `type` that have a place in the order, one by one; a name that no object of the backup has is noted. */
async function orderedItems(
  type: ResourceType,
  run: Run & { takes: (item: CollectedItem) => boolean },
): Promise<(readonly CollectedItem[])[]> {
  const found: (readonly CollectedItem[])[] = []
  for (const entry of run.order?.get(type.plural) ?? []) {
    const [name = '', namespace] = entry.split('/').toReversed()
    const reference = { resource: resourceName(type), namespace, name }
    // Without a namespace the name would be looked for everywhere, and may be there many times.
    const whole = name !== '' && (namespace !== undefined) === type.namespaced
    const request = { type, namespace, name }
    const pages = whole ? await Array.fromAsync(listSource(request, { ...run, takes: run.takes })()) : []
    const items = pages.flatMap((page) => Array.from(page, detached)).filter(run.takes)
    if (items.length === 0) run.missingOrdered.push(reference)
    else found.push(items)
  }
  return found
}
