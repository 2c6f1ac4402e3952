import type { Item, KubeObject, RawObject, ResourceType } from '#kube/object.ts'

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
  return new ListedItem(type, raw, later)
}

// A class, so that `object` can wait until it is asked for; a copy by `...` lacks it.
class ListedItem implements CollectedItem {
  readonly type: ResourceType
  readonly namespace: string | undefined
  readonly name: string
  readonly preferred: boolean
  readonly later: boolean | undefined
  readonly raw: RawObject

  constructor(type: ResourceType & { readonly preferred?: boolean }, raw: RawObject, later: boolean | undefined) {
    this.type = type
    this.namespace = raw.metadata.namespace
    this.name = raw.metadata.name
    this.preferred = type.preferred ?? true
    this.later = later
    this.raw = raw
  }

  get object(): KubeObject {
    return this.raw.object
  }
}
