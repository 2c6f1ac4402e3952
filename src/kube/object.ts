// The words every room shares: what a Kubernetes object and a Kubernetes type are. Types only, no I/O.
// This is the one file of kube/ that the pure rooms may import (docs/decisions/0002-one-import-table.md).

/** Metadata of any object. Unknown fields are carried, never dropped. */
export interface ObjectMeta {
  name: string
  namespace?: string | undefined
  generateName?: string | undefined
  uid?: string | undefined
  resourceVersion?: string | undefined
  generation?: number | undefined
  creationTimestamp?: string | undefined
  deletionTimestamp?: string | undefined
  labels?: Record<string, string> | undefined
  annotations?: Record<string, string> | undefined
  finalizers?: string[] | undefined
  ownerReferences?: OwnerReference[] | undefined
  managedFields?: unknown[] | undefined
  [field: string]: unknown
}

/** One entry of `metadata.ownerReferences`. */
export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean | undefined
  blockOwnerDeletion?: boolean | undefined
}

/** Any object the API server serves, exactly as served. Integers beyond 2^53 are `JSON.rawJSON` values, so nothing is rounded. */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
  [field: string]: unknown
}

/** Names one type of the API. `T` is what its objects look like; it exists for the compiler only. */
export interface ResourceType<T extends object = KubeObject> {
  /** API group, empty for the core group. */
  readonly group: string
  readonly version: string
  /** Plural, lower-case: `deployments`. */
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
  readonly _object?: T
}

/** The type of namespaces, which every room meets. */
export const Namespaces: ResourceType = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
}

/** A type as discovery reports it. */
export interface ServedType extends ResourceType {
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly verbs: readonly string[]
  /** True when `version` is the group's preferred version for this type. */
  readonly preferred: boolean
}

/** An object as the API server wrote it: read as far as its metadata, the rest are bytes until somebody asks. */
export interface RawObject {
  /** Without `managedFields`, unless the whole object had to be read. */
  readonly metadata: ObjectMeta
  /** The whole object, parsed when it is first asked for. */
  readonly object: KubeObject
  /** The length of the object as JSON, in bytes. */
  readonly size: number
  /** Puts the object as JSON, with `apiVersion` and `kind`, into `target`, which has room for it. */
  copyTo(target: Uint8Array, at: number): void
}

/** One object on its way through a backup or restore, with the type under which it was read. */
export interface Item {
  readonly type: ResourceType
  /** Undefined for cluster-scoped objects. */
  readonly namespace: string | undefined
  readonly name: string
  /** When there is `raw`, asking for it means parsing: for what has to be known of every object there is `metadataOf`. */
  readonly object: KubeObject
  /** The very same object, as it was read. */
  readonly raw?: RawObject | undefined
}

/** The metadata of an item's object, at the least price; `managedFields` may be missing. */
export function metadataOf(item: Item): ObjectMeta {
  return item.raw === undefined ? item.object.metadata : item.raw.metadata
}

/** The item with another object, or itself when it is the same one. */
export function withObject<T extends Item>(item: T, object: KubeObject): T {
  return object === item.object ? item : { ...item, raw: undefined, object }
}

/** The item for somebody who keeps it: without the bytes of the page it came with. */
export function detached<T extends Item>(item: T): T {
  return { ...item, raw: undefined, object: item.object }
}

/** The object for somebody who keeps many: who set which field is often the greater part of it. */
export function withoutManagedFields(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata }
}

/** What users and archives call a type: `pods`, `deployments.apps`. */
export function resourceName(type: { readonly group: string; readonly plural: string }): string {
  return type.group === '' ? type.plural : `${type.plural}.${type.group}`
}

/** `v1` or `apps/v1`. */
export function apiVersionOf(type: { readonly group: string; readonly version: string }): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`
}
