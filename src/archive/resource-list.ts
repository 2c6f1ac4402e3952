import { constants } from 'node:zlib'
import { gzip } from './gzip.ts'
import { decodeMapGz, goJson } from './json-gz.ts'
import type { StoredBytes } from './json-gz.ts'
import { nameTable, type NameTable } from './name-table.ts'

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

/** Gathers a resource list; the same object named again counts once, its last action wins. The one thing of a run that grows with the number of objects. */
export interface ResourceListBuilder {
  /** Without `action` for a backup, with it for a restore. False when the object was there already. */
  add(object: ListedObject, action?: RestoreAction): boolean
  has(object: ListedObject): boolean
  /** Takes an object out again; false when it was not there. */
  remove(object: ListedObject): boolean
  /** Keys and names sorted, made as they are read. */
  entries(): Iterable<readonly [key: string, names: Iterable<string>]>
}

/** What stands beside a name in the table. */
const actions: readonly (RestoreAction | undefined)[] = [
  undefined,
  'created',
  'updated',
  'recreated',
  'deleted',
  'failed',
  'skipped',
]

/** An empty builder. */
export function resourceListBuilder(): ResourceListBuilder {
  /** Key → number of its folder in the table. */
  const kinds = new Map<string, number>()
  const table = nameTable()
  const folderOf = (object: ListedObject): number => {
    const key = `${object.apiVersion}/${object.kind}`
    const known = kinds.get(key)
    if (known !== undefined) return known
    kinds.set(key, kinds.size)
    return kinds.size - 1
  }
  return {
    add: (object, action) => table.set(folderOf(object), fullName(object), actions.indexOf(action)),
    has: (object) => table.has(folderOf(object), fullName(object)),
    remove: (object) => table.delete(folderOf(object), fullName(object)),
    *entries() {
      for (const [key, folder] of [...kinds].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
        if (table.size(folder) > 0) yield [key, lines(table.entries(folder))]
      }
    },
  }
}

function fullName({ namespace, name }: ListedObject): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`
}

function* lines(entries: ReturnType<NameTable['entries']>): Generator<string> {
  for (const [name, value] of entries) {
    const action = actions[value]
    yield action === undefined ? name : `${name}(${action})`
  }
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
