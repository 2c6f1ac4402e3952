import { resourceListBuilder, type ResourceListBuilder } from '#archive/resource-list.ts'
import type { CutType } from '#archive/manifest.ts'
import type { PackItem } from '#archive/pack.ts'
import type { Reading } from '#collect/list.ts'
import { cleanForBackup } from '#items/clean-for-backup.ts'
import type { Item, ResourceType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'

/** What went into the archive, counted while it passes. */
export interface Contents {
  readonly list: ResourceListBuilder
  readonly count: number
  /** One line per type, of all lists that were made of it, whether or not they held anything. */
  types(readings: readonly Reading[], cut: string): CutType[]
  /** The items as they are stored, counted on their way. */
  pass(
    items: AsyncIterable<Item>,
    options: { backupName: string; signal?: AbortSignal | undefined },
  ): AsyncIterable<PackItem>
}

/** Nothing yet. `onItem` hears of each item as it was read, and the count with it. */
export function openContents(onItem: (item: Item, count: number) => void): Contents {
  const list = resourceListBuilder()
  const perType = new Map<string, number>()
  let count = 0
  return {
    list,
    get count() {
      return count
    },
    types: (readings, cut) => cutTypes(readings, cut, perType),
    async *pass(items, { backupName, signal }) {
      for await (const item of items) {
        signal?.throwIfAborted()
        const resource = resourceName(item.type)
        const object = cleanForBackup(item, { backupName })
        list.add({ apiVersion: object.apiVersion, kind: object.kind, namespace: item.namespace, name: item.name })
        perType.set(resource, (perType.get(resource) ?? 0) + 1)
        count += 1
        // Only preferred versions are collected.
        yield { item: object === item.object ? item : { ...item, object }, preferred: true }
        onItem(item, count)
      }
    },
  }
}

/** A type that took several lists is at the cut when all of them are, otherwise it shows the first that is not. */
function cutTypes(readings: readonly Reading[], cut: string, perType: ReadonlyMap<string, number>): CutType[] {
  const types = new Map<string, CutType>()
  for (const reading of readings) {
    const { type } = reading.request
    const resource = resourceName(type)
    const known = types.get(resource)
    if (known === undefined || (known.atCut && !reading.atCut)) {
      types.set(resource, cutType(type, reading, { cut, objects: perType.get(resource) ?? 0 }))
    }
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
    objects,
  }
}
