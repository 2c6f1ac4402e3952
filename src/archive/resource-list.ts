import { constants } from 'node:zlib'
import { gzip } from './gzip.ts'
import { decodeMapGz, goJson } from './json-gz.ts'
import type { StoredBytes } from './json-gz.ts'

const CHUNK_CHARACTERS = 64 * 1024

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

/**
 * Gathers a resource list; the same object named again counts once, its last action wins. It is the one thing of a run that grows with
 * the number of objects: about 100 bytes for each.
 */
export interface ResourceListBuilder {
  /** Without `action` for a backup, with it for a restore. False when the object was there already. */
  add(object: ListedObject, action?: RestoreAction): boolean
  has(object: ListedObject): boolean
  /** Takes an object out again; false when it was not there. */
  remove(object: ListedObject): boolean
  /** Keys and names sorted, made as they are read. */
  entries(): Iterable<readonly [key: string, names: Iterable<string>]>
}

/** Name → what happened to the object. */
type Names = Map<string, RestoreAction | undefined>

/** An empty builder. */
export function resourceListBuilder(): ResourceListBuilder {
  /** Key → namespace with a slash, or '' → names: put together only when they are written, since that would double their memory. */
  const kinds = new Map<string, Map<string, Names>>()
  const namesBeside = (object: ListedObject): Names | undefined => kinds.get(kindKey(object))?.get(folderOf(object))
  return {
    add(object, action) {
      const folders = kinds.get(kindKey(object)) ?? new Map<string, Names>()
      kinds.set(kindKey(object), folders)
      const names = folders.get(folderOf(object)) ?? (new Map() as Names)
      folders.set(folderOf(object), names)
      const before = names.size
      return names.set(object.name, action).size > before
    },
    has: (object) => namesBeside(object)?.has(object.name) ?? false,
    remove: (object) => namesBeside(object)?.delete(object.name) ?? false,
    *entries() {
      for (const [key, folders] of sorted(kinds)) {
        if ([...folders.values()].some(({ size }) => size > 0)) yield [key, lines(folders)]
      }
    },
  }
}

function kindKey({ apiVersion, kind }: ListedObject): string {
  return `${apiVersion}/${kind}`
}

function folderOf({ namespace }: ListedObject): string {
  return namespace === undefined || namespace === '' ? '' : `${namespace}/`
}

function* lines(folders: Map<string, Names>): Generator<string> {
  for (const [folder, names] of sorted(folders)) {
    for (const [name, action] of sorted(names)) yield `${folder}${name}${action === undefined ? '' : `(${action})`}`
  }
}

/** By the order of code units, as Go sorts. No two keys are the same. */
function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

/** The bytes of a `-resource-list.json.gz`, as they come into being. */
export function encodeResourceList(list: Pick<ResourceListBuilder, 'entries'>): AsyncIterable<Uint8Array> {
  return gzip(chunksOf(jsonOf(list)), { level: constants.Z_DEFAULT_COMPRESSION })
}

/** What `goJson` makes of it, and a newline, piece by piece. */
function* jsonOf({ entries }: Pick<ResourceListBuilder, 'entries'>): Generator<string> {
  let before = '{'
  for (const [key, names] of entries()) {
    yield `${before}${goJson(key)}:[`
    before = ''
    for (const name of names) {
      yield before + goJson(name)
      before = ','
    }
    before = '],'
  }
  yield before === '{' ? '{}\n' : ']}\n'
}

async function* chunksOf(texts: Iterable<string>): AsyncGenerator<Uint8Array> {
  let text = ''
  for (const more of texts) {
    text += more
    if (text.length < CHUNK_CHARACTERS) continue
    yield Buffer.from(text)
    text = ''
  }
  yield Buffer.from(text)
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
