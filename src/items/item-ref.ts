/** Points at an object without holding it. */
export interface ItemRef {
  /** `persistentvolumes`, `clusterroles.rbac.authorization.k8s.io`. */
  readonly resource: string
  /** Undefined for cluster-scoped objects. */
  readonly namespace: string | undefined
  readonly name: string
}

/** `persistentvolumes/pv-1`, `pods/shop/web`: unique, for maps and sets. */
export function refKey(ref: ItemRef): string {
  return ref.namespace === undefined ? `${ref.resource}/${ref.name}` : `${ref.resource}/${ref.namespace}/${ref.name}`
}
