import type { Item, KubeObject, ResourceType } from '#kube/object.ts'

/** Which object, under which version of its type. `preferred`: it is the version the server prefers, and so the one that is restored. */
export interface CollectedRef extends Omit<Item, 'object'> {
  readonly preferred: boolean
}

/** One object as it was read. */
export interface CollectedItem extends Item, CollectedRef {
  /** It was read after the cut. */
  readonly later?: boolean | undefined
}

/** `object` as an item of `type`, which is taken for preferred unless it says otherwise. */
export function itemOf(type: ResourceType & { readonly preferred?: boolean }, object: KubeObject): CollectedItem {
  const { namespace, name } = object.metadata
  return { type, namespace, name, object, preferred: type.preferred ?? true }
}
