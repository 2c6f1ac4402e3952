import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  mebibyte,
  bytes,
  text,
  content,
  inChunks,
  filler,
  assertNothing,
  rejectsWith,
  assertProblem,
  type Open,
} from './contract-tools.ts'

/** Declares its part of the contract. */
export function puts(open: Open): void {
  test('what is put can be got and looked at', async () => {
    await using it = await open()
    const before = Date.now()
    assert.equal(await it.store.put('backups/a/a-logs.gz', bytes('hello')), 5)
    assert.equal(await text(it.store, 'backups/a/a-logs.gz'), 'hello')
    const found = await it.store.head('backups/a/a-logs.gz')
    assert.deepEqual({ ...found, modified: undefined }, { key: 'backups/a/a-logs.gz', size: 5, modified: undefined })
    assert.ok(found !== undefined && Math.abs(found.modified.getTime() - before) < 60_000)
    assert.deepEqual(await it.leftovers(), [])
  })

  test('a body may be a stream that uses one buffer for all its chunks', async () => {
    await using it = await open()
    async function* body(buffer: Uint8Array) {
      for (const fill of [1, 2, 3]) yield buffer.fill(fill)
    }
    const buffers = { array: new Uint8Array(1000), buffer: Buffer.alloc(1000) }
    for (const [key, buffer] of Object.entries(buffers)) {
      assert.equal(await it.store.put(key, body(buffer)), 3000)
      assert.deepEqual(
        [...(await content(it.store, key))],
        [1, 2, 3].flatMap((fill) => Array<number>(1000).fill(fill)),
      )
    }
  })

  test('a body may be empty', async () => {
    await using it = await open()
    async function* nothing(): AsyncGenerator<Uint8Array> {}
    assert.equal(await it.store.put('empty/array', bytes('')), 0)
    assert.equal(await it.store.put('empty/stream', nothing()), 0)
    for (const key of ['empty/array', 'empty/stream']) {
      assert.equal(await text(it.store, key), '')
      assert.equal((await it.store.head(key))?.size, 0)
    }
  })

  test('an object is never overwritten', async () => {
    await using it = await open()
    await it.store.put('a/b', bytes('first'))
    await rejectsWith('exists', it.store.put('a/b', bytes('second')), /a\/b/)
    assert.equal(await text(it.store, 'a/b'), 'first')
    assert.deepEqual(await it.leftovers(), [])
  })

  test('of puts at the same time exactly one wins, and the others learn that the object exists', async () => {
    await using it = await open()
    const bodies = Array.from({ length: 8 }, (_, i) => `body ${i} `.repeat(1 + i * 5000))
    const outcomes = await Promise.allSettled(bodies.map((body) => it.store.put('a/b/c', inChunks(body))))
    const winners = bodies.filter((_, i) => outcomes[i]?.status === 'fulfilled')
    for (const outcome of outcomes) if (outcome.status === 'rejected') assertProblem('exists', outcome.reason)
    assert.deepEqual([await text(it.store, 'a/b/c')], winners)
    assert.deepEqual(await it.leftovers(), [])
  })

  test('a deleted object can be put again, also while its neighbours come and go', async () => {
    await using it = await open()
    const comeAndGo = async (name: string) => {
      for (let i = 0; i < 20; i++) {
        await it.store.put(`a/b/${name}/c`, bytes(`${i}`))
        assert.equal(await text(it.store, `a/b/${name}/c`), `${i}`)
        await it.store.delete(`a/b/${name}/c`)
      }
    }
    await Promise.all(['x', 'y', 'z'].map(comeAndGo))
    assert.deepEqual(await Array.fromAsync(it.store.list('')), [])
    assert.deepEqual(await Array.fromAsync(it.store.folders('')), [])
  })

  test('a check proves reading and writing and leaves nothing behind', async () => {
    await using it = await open()
    await it.store.check({ write: true })
    await it.store.check({ write: false })
    assert.deepEqual(await Array.fromAsync(it.store.list('')), [])
    assert.deepEqual(await it.leftovers(), [])
  })
}

/** Declares its part of the contract. */
export function brokenPuts(open: Open): void {
  for (const size of [10, 20 * mebibyte]) {
    test(`a body that throws after ${size} bytes leaves nothing, and its error passes through`, async () => {
      await using it = await open()
      const broken = Object.assign(new Error('the disk of the body failed'), { code: 'EIO', syscall: 'read' })
      async function* body() {
        yield* filler(size)
        throw broken
      }
      await assert.rejects(it.store.put('a/b', body()), (error) => error === broken)
      await assertNothing(it)
    })

    test(`an abort after ${size} bytes leaves nothing, even when the body hangs`, async () => {
      await using it = await open()
      const abort = new AbortController()
      const reason = new Error('enough')
      async function* body() {
        yield* filler(size)
        setTimeout(() => abort.abort(reason), 20)
        await new Promise(() => {})
      }
      await assert.rejects(it.store.put('a/b', body(), { signal: abort.signal }), (error) => error === reason)
      await assertNothing(it)
    })
  }

  test('a put that was aborted before it began does not ask its body', async () => {
    await using it = await open()
    let asked = false
    async function* body() {
      asked = true
      yield bytes('never')
    }
    await assert.rejects(it.store.put('a', body(), { signal: AbortSignal.abort() }), { name: 'AbortError' })
    assert.equal(asked, false)
    await assertNothing(it)
  })

  test('a put that fails lets go of its body', async () => {
    await using it = await open()
    const abort = new AbortController()
    let released = false
    async function* body() {
      try {
        for (;;) {
          yield bytes('more')
          abort.abort()
        }
      } finally {
        released = true
      }
    }
    await assert.rejects(it.store.put('a', body(), { signal: abort.signal }), { name: 'AbortError' })
    assert.equal(released, true)
  })
}
