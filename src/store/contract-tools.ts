// What the tests of the contract share. Test code, like all of contract-*.ts.
import assert from 'node:assert/strict'
import { StoreError, type ObjectStore, type StoreProblem } from '#store/store.ts'

/** An empty store for one test, and the driver's own look at what an unfinished put may have left. */
export interface StoreUnderTest extends AsyncDisposable {
  store: ObjectStore
  leftovers(): Promise<string[]>
}

/** Gives each test an empty store. */
export type Open = () => Promise<StoreUnderTest>

/** Bytes in a MiB. */
export const mebibyte = 1024 * 1024

/** `text` as UTF-8. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** All bytes of an object as UTF-8. */
export async function text(
  store: ObjectStore,
  key: string,
  options?: Parameters<ObjectStore['get']>[1],
): Promise<string> {
  return Buffer.from(await content(store, key, options)).toString()
}

export async function content(
  store: ObjectStore,
  key: string,
  options?: Parameters<ObjectStore['get']>[1],
): Promise<Uint8Array> {
  return Buffer.concat(await Array.fromAsync(await store.get(key, options)))
}

export async function listed(store: ObjectStore, prefix: string): Promise<string[]> {
  return (await Array.fromAsync(store.list(prefix))).map(({ key }) => key)
}

export async function* inChunks(text: string): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < text.length; at += 4096) yield bytes(text.slice(at, at + 4096))
}

/** `size` bytes that differ from chunk to chunk. */
export async function* filler(size: number): AsyncGenerator<Uint8Array> {
  const chunk = Buffer.alloc(64 * 1024, 'lifeboat')
  for (let at = 0; at < size; at += chunk.byteLength) {
    chunk.writeUInt32LE(at / chunk.byteLength)
    yield new Uint8Array(chunk.subarray(0, Math.min(chunk.byteLength, size - at)))
  }
}

export async function assertNothing(it: StoreUnderTest): Promise<void> {
  assert.equal(await it.store.head('a/b'), undefined)
  assert.deepEqual(await Array.fromAsync(it.store.list('')), [])
  assert.deepEqual(await it.leftovers(), [])
}

/** Asserts that `action` rejects with a StoreError of this problem, whose message fits. */
export async function rejectsWith(problem: StoreProblem, action: Promise<unknown>, message = /./): Promise<void> {
  await assert.rejects(action, (error) => {
    assertProblem(problem, error)
    assert.match((error as Error).message, message)
    return true
  })
}

export function assertProblem(problem: StoreProblem, error: unknown): void {
  assert.ok(error instanceof StoreError, `not a StoreError: ${error instanceof Error ? error.stack : error}`)
  assert.equal(error.problem, problem, error.message)
}
