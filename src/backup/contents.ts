import { resourceListBuilder, type ResourceListBuilder } from '#archive/resource-list.ts'
import type { CutType } from '#archive/manifest.ts'
import type { PackItem } from '#archive/pack.ts'
import type { CollectedItem, CollectedRef } from '#collect/collect.ts'
import type { Reading } from '#collect/list.ts'
import type { Item, ResourceType } from '#kube/object.ts'
import { apiVersionOf, resourceName } from '#kube/object.ts'

/** What went into the archive, counted while it passes. */
export interface Contents {
  readonly list: ResourceListBuilder
  readonly count: number
  /** One line per type, of all lists that were made of it, whether or not they held anything. */
  types(readings: readonly Reading[], cut: string): CutType[]
  /** The items as they are stored, counted on their way. */
  pass(
    items: AsyncIterable<CollectedItem>,
    options: { clean: (item: CollectedItem) => Item; signal?: AbortSignal | undefined },
  ): AsyncIterable<PackItem>
  /** Takes back what has passed; gives those of `refs` that had. */
  withdraw(refs: readonly CollectedRef[]): CollectedRef[]
}

/** Nothing yet. `onItem` hears of each item as it was read, and the count with it. */
export function openContents(onItem: (item: Item, count: number) => void): Contents {
  const list = resourceListBuilder()
  const perType = new Map<string, number>()
  let count = 0
  const tally = (type: ResourceType, change: 1 | -1): void => {
    perType.set(typeKey(type), (perType.get(typeKey(type)) ?? 0) + change)
    count += change
  }
  return {
    list,
    get count() {
      return count
    },
    types: (readings, cut) => cutTypes(readings, cut, perType),
    async *pass(items, { clean, signal }) {
      for await (const item of items) {
        signal?.throwIfAborted()
        const { type, namespace, name, preferred, later } = item
        const isNew = list.add({ apiVersion: apiVersionOf(type), kind: type.kind, namespace, name })
        if (isNew) tally(type, 1)
        yield { item: clean(item), preferred, later }
        if (isNew) onItem(item, count)
      }
    },
    withdraw(refs) {
      return refs.filter(({ type, namespace, name }) => {
        const was = list.remove({ apiVersion: apiVersionOf(type), kind: type.kind, namespace, name })
        if (was) tally(type, -1)
        return was
      })
    },
  }
}

/** The versions of a type have lists of their own. */
function typeKey(type: ResourceType): string {
  return `${type.version}/${resourceName(type)}`
}

/** A type that took several lists is at the cut when all of them are, otherwise it shows the first that is not. */
function cutTypes(readings: readonly Reading[], cut: string, perType: ReadonlyMap<string, number>): CutType[] {
  const types = new Map<string, CutType>()
  for (const reading of readings) {
    const { type } = reading.request
    const key = typeKey(type)
    const known = types.get(key)
    const worse = known !== undefined && known.atCut && (!reading.atCut || reading.replayed !== undefined)
    if (known === undefined || worse) types.set(key, cutType(type, reading, { cut, objects: perType.get(key) ?? 0 }))
  }
  return [...types.values()]
}

function cutType(type: ResourceType, reading: Reading, { cut, objects }: { cut: string; objects: number }): CutType {
  const { atCut, resourceVersion } = reading
  const reason = reading.failure ?? reading.reason
  return {
    resource: resourceName(type),
    version: type.version,
    resourceVersion: atCut ? cut : resourceVersion,
    atCut: atCut && reading.failure === undefined,
    ...(reason === undefined ? {} : { reason }),
    ...(reading.replayed === undefined ? {} : { replayed: reading.replayed }),
    objects,
  }
}
