import type { Item, KubeObject, RawObject, ResourceType } from '#kube/object.ts'
import { keptObject } from '#kube/raw-object.ts'

/** Which object, under which version of its type. `preferred`: it is the version the server prefers, and so the one that is restored. */
export interface CollectedRef extends Omit<Item, 'object'> {
  readonly preferred: boolean
}

/** One object as it was read. */
export interface CollectedItem extends Item, CollectedRef {
  /** It was read after the cut. */
  readonly later?: boolean | undefined
}

/** `raw` as an item of `type`, which is taken for preferred unless it says otherwise. */
export function itemOf(
  type: ResourceType & { readonly preferred?: boolean },
  raw: RawObject,
  { later }: { later?: boolean } = {},
): CollectedItem {
  return new ListedItem({ type, preferred: type.preferred ?? true, later }, raw)
}

/** The item for somebody who keeps many: as bytes of its own, where it is bytes. */
export function kept(item: CollectedItem): CollectedItem {
  return item.raw === undefined ? item : new ListedItem(item, keptObject(item.raw))
}

// A class, so that `object` can wait until it is asked for; a copy by `...` lacks it.
class ListedItem implements CollectedItem {
  readonly type: ResourceType
  readonly namespace: string | undefined
  readonly name: string
  readonly preferred: boolean
  readonly later: boolean | undefined
  readonly raw: RawObject

  constructor({ type, preferred, later }: Pick<CollectedItem, 'type' | 'preferred' | 'later'>, raw: RawObject) {
    this.type = type
    this.namespace = raw.metadata.namespace
    this.name = raw.metadata.name
    this.preferred = preferred
    this.later = later
    this.raw = raw
  }

  get object(): KubeObject {
    return this.raw.object
  }
}
