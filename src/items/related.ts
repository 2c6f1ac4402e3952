import type { Item, KubeObject, ResourceType } from '#kube/object.ts'
import type { ItemRef } from './item-ref.ts'

/** `namespace/name` of a ServiceAccount → the ClusterRoleBindings that name it as subject and their ClusterRoles. */
export type BindingIndex = ReadonlyMap<string, readonly ItemRef[]>

/** What else must be known to say what belongs to an item. */
export interface RelatedFacts {
  bindings: BindingIndex
  /** Pods of the item's namespace; only needed for a claim, and only when a label selector may have left pods out. */
  pods?: readonly KubeObject[] | undefined
  /** Claims of the item's namespace; as `pods`. */
  claims?: readonly KubeObject[] | undefined
  /** `spec.volumeGroupSnapshotLabelKey` of the backup. */
  volumeGroupLabel?: string | undefined
}

/** Indexes every ClusterRoleBinding of the cluster by ServiceAccount subject. */
export function indexBindings(_bindings: Iterable<KubeObject>): BindingIndex {
  throw new Error('being written')
}

/** The objects that go into a backup because `item` does (spec/backup §4.1). They need not exist. */
export function relatedItems(_item: Item, _facts: RelatedFacts): ItemRef[] {
  throw new Error('being written')
}

/** The CustomResourceDefinition that would define `type`; undefined for the core group. It need not exist. */
export function crdOfType(_type: ResourceType): ItemRef | undefined {
  throw new Error('being written')
}
