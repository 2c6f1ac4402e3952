import { parseJson } from './json.ts'
import type { RawList } from './client.ts'
import type { ListSpans, ObjectSpan } from './list-spans.ts'
import { apiVersionOf, type KubeObject, type ObjectMeta, type RawObject, type ResourceType } from './object.ts'

/** `object` as if it had just been read. */
export function rawObject(object: KubeObject): RawObject {
  const bytes = Buffer.from(JSON.stringify(object))
  return {
    object,
    metadata: object.metadata,
    size: bytes.length,
    copyTo: (target, at) => void bytes.copy(target, at),
  }
}

/** The same object with bytes of its own, for somebody who keeps it: without the page it came with, and not parsed before it is asked for. */
export function keptObject(raw: RawObject): RawObject {
  const bytes = Buffer.allocUnsafeSlow(raw.size)
  raw.copyTo(bytes, 0)
  let object: KubeObject | undefined
  return {
    metadata: raw.metadata,
    size: bytes.length,
    copyTo: (target, at) => void bytes.copy(target, at),
    get object() {
      object ??= parseJson(bytes.toString()) as KubeObject
      return object
    },
  }
}

/** Parsed objects as a list of raw ones. */
export function rawObjects(objects: readonly KubeObject[]): RawList {
  return listOf(objects.length, (index) => rawObject(objects[index]!), { release: () => {} })
}

/** The objects at `spans` in the answer to a list. They are made anew each time they are asked for, and keep the answer in memory. */
export function listedObjects(bytes: Buffer, spans: ListSpans, type: ResourceType): RawList {
  const prefix = Buffer.from(`${JSON.stringify({ apiVersion: apiVersionOf(type), kind: type.kind }).slice(0, -1)},`)
  const at = (index: number): RawObject => new ListedObject(bytes, { span: spans.at(index), prefix, type })
  return listOf(spans.length, at, { release: () => free(bytes) })
}

/** Only memory of its own can be given back; small buffers share theirs. */
function free({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}

function listOf(length: number, at: RawList['at'], { release }: Pick<RawList, 'release'>): RawList {
  return {
    length,
    at,
    release,
    *[Symbol.iterator]() {
      for (let index = 0; index < length; index += 1) yield at(index)
    },
  }
}

// A class, because hundreds of thousands are made.
class ListedObject implements RawObject {
  readonly metadata: ObjectMeta
  readonly size: number
  readonly #bytes: Buffer
  readonly #from: number
  readonly #to: number
  readonly #prefix: Uint8Array | undefined
  readonly #type: ResourceType
  #object: KubeObject | undefined

  constructor(bytes: Buffer, { span, prefix, type }: { span: ObjectSpan; prefix: Uint8Array; type: ResourceType }) {
    const [from, to] = span.whole
    this.metadata = metadataIn(bytes, span)
    this.#bytes = bytes
    this.#to = to
    this.#type = type
    if (span.typed) {
      this.#from = from
      this.#prefix = undefined
      this.size = to - from
    } else {
      this.#from = from + 1
      this.#prefix = prefix
      this.size = prefix.length + to - from - 1
    }
  }

  get object(): KubeObject {
    if (this.#object === undefined) {
      const brace = this.#prefix === undefined ? '' : '{'
      const read = parseJson(brace + this.#bytes.toString('utf8', this.#from, this.#to)) as object
      this.#object = { apiVersion: apiVersionOf(this.#type), kind: this.#type.kind, ...read } as KubeObject
    }
    return this.#object
  }

  copyTo(target: Uint8Array, at: number): void {
    if (this.#prefix !== undefined) target.set(this.#prefix, at)
    this.#bytes.copy(target, at + (this.#prefix?.length ?? 0), this.#from, this.#to)
  }
}

/** Without `managedFields`, which often are the greater part. */
function metadataIn(bytes: Buffer, { metadata: [from, to], managedFields }: ObjectSpan): ObjectMeta {
  if (managedFields === undefined) return JSON.parse(bytes.toString('utf8', from, to)) as ObjectMeta
  const before = bytes.toString('utf8', from, managedFields[0]).trimEnd()
  const after = bytes.toString('utf8', managedFields[1], to).trimStart()
  const rest = after.startsWith(',') ? before + after.slice(1) : before.replace(/,$/, '') + after
  return JSON.parse(rest) as ObjectMeta
}
