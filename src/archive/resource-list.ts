/** What happened to one object of a restore. */
export type RestoreAction = 'created' | 'updated' | 'failed' | 'skipped'

/** Which object a resource list names. */
export interface ListedObject {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace?: string | undefined
  readonly name: string
}

/** `{"apps/v1/Deployment": ["ns/name"]}`, with `(<action>)` after each name for a restore (spec/object-store §7). */
export type ResourceList = Record<string, string[]>

/** Gathers a resource list; the same object named again counts once, its last action wins. */
export interface ResourceListBuilder {
  add(object: ListedObject, action?: RestoreAction): void
  /** Keys and names sorted. */
  list(): ResourceList
}

export declare function resourceListBuilder(): ResourceListBuilder
export declare function encodeResourceList(list: ResourceList): Promise<Uint8Array>
export declare function decodeResourceList(bytes: AsyncIterable<Uint8Array> | Uint8Array): Promise<ResourceList>
