import { setImmediate } from 'node:timers/promises'
import { checkKey, checkPrefix, compareKeys } from '#store/key.ts'
import { clampRange } from '#store/range.ts'
import { bodyChunks } from '#store/body.ts'
import { StoreError, type ObjectStore, type StoredObject } from '#store/store.ts'

interface Held {
  bytes: Uint8Array
  modified: Date
}

/** An empty store in this process's memory, for tests and dry runs; it cannot pre-sign. */
export function memoryStore({ now = () => new Date() }: { now?: () => Date } = {}): ObjectStore {
  const objects = new Map<string, Held>()
  const url = 'memory:'
  const exists = (key: string) =>
    new StoreError('exists', `${key} is already in ${url}: an object is never overwritten`)
  const describe = (key: string, { bytes, modified }: Held): StoredObject => ({ key, size: bytes.byteLength, modified })

  async function* list(prefix: string): AsyncGenerator<StoredObject> {
    checkPrefix(prefix)
    for (const key of [...objects.keys()].filter((key) => key.startsWith(prefix)).toSorted(compareKeys)) {
      const held = objects.get(key)
      if (held !== undefined) yield describe(key, held)
    }
  }

  return {
    url,
    async put(key, body, { signal } = {}) {
      checkKey(key)
      if (objects.has(key)) throw exists(key)
      const chunks: Uint8Array[] = []
      for await (const chunk of bodyChunks(body, signal)) chunks.push(new Uint8Array(chunk))
      if (objects.has(key)) throw exists(key)
      const bytes = new Uint8Array(Buffer.concat(chunks))
      objects.set(key, { bytes, modified: now() })
      return bytes.byteLength
    },
    async get(key, { range, signal } = {}) {
      checkKey(key)
      signal?.throwIfAborted()
      const held = objects.get(key)
      if (held === undefined) throw new StoreError('missing', `${key} is not in ${url}`)
      const { start, end } = clampRange(range, { key, size: held.bytes.byteLength })
      return inPieces(held.bytes.slice(start, end + 1), signal)
    },
    async head(key) {
      checkKey(key)
      const held = objects.get(key)
      return held && describe(key, held)
    },
    list,
    async *folders(prefix) {
      let last: string | undefined
      for await (const { key } of list(prefix)) {
        const [folder = '', below] = key.slice(prefix.length).split('/', 2)
        if (below !== undefined && folder !== last) yield (last = folder)
      }
    },
    async delete(key) {
      checkKey(key)
      objects.delete(key)
    },
    async presignGet(key) {
      checkKey(key)
      return undefined
    },
    check: async () => {},
    locks: undefined,
    close: async () => {},
  }
}

const pieceSize = 64 * 1024

// Pieces with turns of the event loop between them: code that only works on one-chunk objects shall fail in unit tests.
async function* inPieces(bytes: Uint8Array, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += pieceSize) {
    await setImmediate()
    signal?.throwIfAborted()
    yield bytes.subarray(at, at + pieceSize)
  }
}
