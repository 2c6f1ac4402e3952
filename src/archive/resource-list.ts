import { decodeMapGz, encodeJsonGz } from './json-gz.ts'
import type { StoredBytes } from './json-gz.ts'

/** What happened to one object of a restore; `recreated` and `deleted` are not among Velero's words. */
export type RestoreAction = 'created' | 'updated' | 'recreated' | 'deleted' | 'failed' | 'skipped'

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
  /** Without `action` for a backup, with it for a restore. False when the object was there already. */
  add(object: ListedObject, action?: RestoreAction): boolean
  has(object: ListedObject): boolean
  /** Takes an object out again; false when it was not there. */
  remove(object: ListedObject): boolean
  /** Keys and names sorted. */
  list(): ResourceList
}

/** An empty builder. */
export function resourceListBuilder(): ResourceListBuilder {
  const kinds = new Map<string, Map<string, RestoreAction | undefined>>()
  return {
    add(object, action) {
      const key = kindKey(object)
      const names = kinds.get(key) ?? new Map<string, RestoreAction | undefined>()
      kinds.set(key, names)
      const before = names.size
      return names.set(nameIn(object), action).size > before
    },
    has: (object) => kinds.get(kindKey(object))?.has(nameIn(object)) ?? false,
    remove: (object) => kinds.get(kindKey(object))?.delete(nameIn(object)) ?? false,
    list() {
      const keys = [...kinds].flatMap(([key, names]) => (names.size > 0 ? [key] : [])).toSorted()
      return Object.fromEntries(keys.map((key) => [key, lines(kinds.get(key)!)]))
    },
  }
}

function kindKey({ apiVersion, kind }: ListedObject): string {
  return `${apiVersion}/${kind}`
}

function nameIn({ namespace, name }: ListedObject): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`
}

function lines(names: Map<string, RestoreAction | undefined>): string[] {
  return [...names].map(([name, action]) => (action === undefined ? name : `${name}(${action})`)).toSorted()
}

/** The bytes of a `-resource-list.json.gz`. */
export async function encodeResourceList(list: ResourceList): Promise<Uint8Array> {
  return await encodeJsonGz(list)
}

/** The list in a `-resource-list.json.gz`; whatever is no text in it is left out. */
export async function decodeResourceList(bytes: StoredBytes): Promise<ResourceList> {
  const map = await decodeMapGz(bytes, { name: 'the resource list' })
  return Object.fromEntries(Object.entries(map).map(([key, names]) => [key, textsOf(names)]))
}

/** The text in a list of JSON values; anything but a list has none. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : []
}
