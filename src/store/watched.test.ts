import assert from 'node:assert/strict'
import { test } from 'node:test'
import { storeContract } from '#store/contract.ts'
import { fileStore } from '#store/file.ts'
import { memoryStore } from '#store/memory.ts'
import { watchedStore } from '#store/watched.ts'

storeContract(
  'watched',
  async () => ({
    store: watchedStore(memoryStore(), () => undefined),
    leftovers: async () => [],
    [Symbol.asyncDispose]: async () => {},
  }),
  { streams: false },
)

test('failures are told of, each once, and answers that nothing is there are none', async () => {
  const seen: string[] = []
  const store = watchedStore(fileStore('/nonexistent/at/all'), ({ problem }) => void seen.push(problem))
  await assert.rejects(store.put('a', new Uint8Array(1)))
  await assert.rejects(store.get('a'))
  await assert.rejects(Array.fromAsync(store.list('')))
  await assert.rejects(store.check({ write: false }))
  assert.deepEqual(seen, ['no-bucket', 'no-bucket', 'no-bucket', 'no-bucket'])
  const empty = watchedStore(memoryStore(), ({ problem }) => void seen.push(problem))
  await assert.rejects(empty.get('a'))
  assert.equal(seen.length, 4)
})
