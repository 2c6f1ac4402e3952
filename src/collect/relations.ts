import type { Item, KubeObject, ResourceType } from '#kube/object.ts'

/** Points at an object that may not exist. */
export interface Reference {
  /** `persistentvolumes`, `clusterroles.rbac.authorization.k8s.io`. */
  readonly resource: string
  readonly namespace: string | undefined
  readonly name: string
}

/** The pods and claims of a claim's namespace. */
export interface Neighbours {
  readonly pods: readonly KubeObject[]
  readonly claims: readonly KubeObject[]
}

/** What belongs to what. Knowledge about kinds that the caller brings. */
export interface Relations {
  /** Every resource that `relatedTo` can name. */
  readonly targets: ReadonlySet<string>
  /** What goes into the backup because `item` does. Neighbours are given for claims only, when a selector may have left pods out. */
  relatedTo(item: Item, neighbours: Neighbours | undefined): readonly Reference[]
  /** Where the definition of a custom type would be; undefined for types that never have one. */
  crdOf(type: ResourceType): Reference | undefined
}

/** `pods/shop/web`: one string per object, for sets. */
export function referenceKey({ resource, namespace, name }: Reference): string {
  return `${resource}/${namespace ?? ''}/${name}`
}
