import assert from 'node:assert/strict'
import { createHash, type Hash } from 'node:crypto'
import { suite, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { compareKeys } from '#store/key.ts'
import { StoreError, type ObjectStore, type StoreProblem } from '#store/store.ts'

/** An empty store for one test, and the driver's own look at what an unfinished put may have left. */
export interface StoreUnderTest extends AsyncDisposable {
  store: ObjectStore
  leftovers(): Promise<string[]>
}

export interface ContractOptions {
  /** Whether bodies must not pile up in memory. */
  streams: boolean
}

/** Declares the tests that every driver of ObjectStore passes; `open` gives each test an empty store. Test code: nothing else may import it. */
export function storeContract(driver: string, open: () => Promise<StoreUnderTest>, { streams }: ContractOptions): void {
  suite(`the ${driver} store`, () => {
    puts(open)
    brokenPuts(open)
    gets(open)
    lists(open)
    keys(open)
    if (streams) largeBodies(open)
  })
}

type Open = () => Promise<StoreUnderTest>

function puts(open: Open): void {
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
    async function* body() {
      const buffer = new Uint8Array(1000)
      for (const fill of [1, 2, 3]) yield buffer.fill(fill)
    }
    assert.equal(await it.store.put('a', body()), 3000)
    assert.deepEqual(
      [...(await content(it.store, 'a'))],
      [1, 2, 3].flatMap((fill) => Array<number>(1000).fill(fill)),
    )
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

const mebibyte = 1024 * 1024

function brokenPuts(open: Open): void {
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

function gets(open: Open): void {
  test('what is not there is missing to get, undefined to head and nothing to delete', async () => {
    await using it = await open()
    await rejectsWith('missing', it.store.get('a/b'), /a\/b/)
    assert.equal(await it.store.head('a/b'), undefined)
    await it.store.delete('a/b')
    await it.store.put('a/b', bytes('x'))
    await it.store.delete('a/b')
    await it.store.delete('a/b')
    assert.equal(await it.store.head('a/b'), undefined)
  })

  test('a folder is no object', async () => {
    await using it = await open()
    await it.store.put('a/b/c', bytes('x'))
    await rejectsWith('missing', it.store.get('a/b'))
    assert.equal(await it.store.head('a/b'), undefined)
    await it.store.delete('a/b')
    assert.equal(await text(it.store, 'a/b/c'), 'x')
  })

  test('a range gives its bytes, inclusive, as far as the object goes', async () => {
    await using it = await open()
    await it.store.put('digits', bytes('0123456789'))
    const range = (start: number, end: number) => text(it.store, 'digits', { range: { start, end } })
    assert.equal(await range(0, 0), '0')
    assert.equal(await range(3, 5), '345')
    assert.equal(await range(8, 100), '89')
    assert.equal(await range(0, 9), '0123456789')
  })

  test('a range that is none, or starts behind the end, is invalid', async () => {
    await using it = await open()
    await it.store.put('digits', bytes('0123456789'))
    for (const [start, end] of [
      [10, 12],
      [5, 4],
      [-1, 3],
      [0.5, 2],
    ] as const) {
      await rejectsWith('invalid', it.store.get('digits', { range: { start, end } }))
    }
  })

  test('reading may be broken off or aborted', async () => {
    await using it = await open()
    await it.store.put('large', filler(4 * mebibyte))
    for (let i = 0; i < 40; i++) for await (const _ of await it.store.get('large')) break
    const abort = new AbortController()
    const reading = await it.store.get('large', { signal: abort.signal })
    await assert.rejects(
      async () => {
        for await (const _ of reading) abort.abort()
      },
      { name: 'AbortError' },
    )
    await assert.rejects(it.store.get('large', { signal: abort.signal }), { name: 'AbortError' })
    assert.equal((await content(it.store, 'large')).byteLength, 4 * mebibyte)
  })
}

function lists(open: Open): void {
  // `-` sorts before `/`; U+1F600 sorts behind U+FF21 in UTF-8 but before it in UTF-16.
  const some = ['a-b/x', 'a/b', 'a/b-c', 'a/b.d/e', 'a/c/d/e', 'a0', 'b/Ａ', 'b/😀', 'z/ä', 'loose']

  test('objects are listed in the order of their keys, with prefix and without', async () => {
    await using it = await open()
    for (const key of some) await it.store.put(key, bytes(key))
    assert.deepEqual(await listed(it.store, ''), some.toSorted(compareKeys))
    assert.deepEqual(await listed(it.store, 'a/'), ['a/b', 'a/b-c', 'a/b.d/e', 'a/c/d/e'])
    assert.deepEqual(await listed(it.store, 'b/'), ['b/Ａ', 'b/😀'])
    assert.deepEqual(await listed(it.store, 'nothing/here/'), [])
    const sizes = (await Array.fromAsync(it.store.list(''))).map(({ key, size }) => size - Buffer.byteLength(key))
    assert.deepEqual(new Set(sizes), new Set([0]))
  })

  test('folders are the next segments, without the objects beside them', async () => {
    await using it = await open()
    for (const key of some) await it.store.put(key, bytes(key))
    assert.deepEqual(await Array.fromAsync(it.store.folders('')), ['a-b', 'a', 'b', 'z'])
    assert.deepEqual(await Array.fromAsync(it.store.folders('a/')), ['b.d', 'c'])
    assert.deepEqual(await Array.fromAsync(it.store.folders('b/')), [])
    assert.deepEqual(await Array.fromAsync(it.store.folders('nothing/')), [])
  })

  test('lists and folders go on behind the first page', async () => {
    await using it = await open()
    const keys = Array.from({ length: 2500 }, (_, i) => `many/${`${i}`.padStart(4, '0')}/x`)
    const waiting = [...keys]
    const worker = async () => {
      for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) await it.store.put(key, bytes('x'))
    }
    await Promise.all(Array.from({ length: 16 }, worker))
    assert.deepEqual(await listed(it.store, 'many/'), keys)
    const folders = await Array.fromAsync(it.store.folders('many/'))
    assert.deepEqual(
      folders,
      keys.map((key) => key.split('/')[1]),
    )
    for await (const _ of it.store.list('many/')) break
  })
}

function keys(open: Open): void {
  test('keys may hold any printable character and be long', async () => {
    await using it = await open()
    const long = Array.from({ length: 4 }, (_, i) => `${i}`.repeat(220)).join('/')
    const odd = [
      'a b+c%20d&e=f?g#h',
      '\'quotes"',
      'tilde~(x)*!@$,;:[]{}|^`<>',
      'Grüße/日本語/🛟',
      'e\u0301',
      '\u00e9',
      '...',
      '%2e%2e',
      long,
    ]
    for (const key of odd) await it.store.put(key, bytes(key))
    for (const key of odd) assert.equal(await text(it.store, key), key)
    assert.deepEqual(await listed(it.store, ''), odd.toSorted(compareKeys))
    for (const key of odd) await it.store.delete(key)
    assert.deepEqual(await listed(it.store, ''), [])
  })

  const bad = [
    '',
    '/',
    '/a',
    'a/',
    'a//b',
    '..',
    '../a',
    'a/../b',
    './a',
    'a\0b',
    'a\nb',
    '\ud800',
    'x'.repeat(1025),
    '.lifeboat-tmp/a',
  ]
  for (const key of bad) {
    test(`${JSON.stringify(key.slice(0, 20))} is refused as a key by every method`, async () => {
      await using it = await open()
      await rejectsWith('invalid', it.store.put(key, bytes('x')))
      await rejectsWith('invalid', it.store.get(key))
      await rejectsWith('invalid', it.store.head(key))
      await rejectsWith('invalid', it.store.delete(key))
      await rejectsWith('invalid', it.store.presignGet(key, 60))
      if (key === '') return
      await rejectsWith('invalid', Array.fromAsync(it.store.list(`${key}/`)))
      await rejectsWith('invalid', Array.fromAsync(it.store.folders(`${key}/`)))
    })
  }

  test('a prefix that ends within a segment is refused', async () => {
    await using it = await open()
    await rejectsWith('invalid', Array.fromAsync(it.store.list('back')))
    await rejectsWith('invalid', Array.fromAsync(it.store.folders('back')))
  })
}

function largeBodies(open: Open): void {
  test('a large body goes through whole and does not pile up in memory', async () => {
    await using it = await open()
    const size = 150 * mebibyte + 1
    const sent = createHash('sha256')
    const got = createHash('sha256')
    const before = heldBytes()
    let most = 0
    async function* watched(chunks: AsyncIterable<Uint8Array>, hash: Hash) {
      let at = 0
      for await (const chunk of chunks) {
        hash.update(chunk)
        at += chunk.byteLength
        if (at % (10 * mebibyte) < chunk.byteLength) most = Math.max(most, heldBytes() - before)
        yield chunk
      }
    }
    assert.equal(await it.store.put('large', watched(filler(size), sent)), size)
    for await (const _ of watched(await it.store.get('large'), got)) continue
    assert.equal(got.digest('hex'), sent.digest('hex'))
    assert.ok(most < 64 * mebibyte, `grew by ${Math.round(most / mebibyte)} MiB`)
    assert.deepEqual(await it.leftovers(), [])
  })
}

// Buffers that are still referred to; garbage that nobody collected yet says nothing about a driver.
function heldBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().arrayBuffers
}

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

async function content(
  store: ObjectStore,
  key: string,
  options?: Parameters<ObjectStore['get']>[1],
): Promise<Uint8Array> {
  return Buffer.concat(await Array.fromAsync(await store.get(key, options)))
}

async function listed(store: ObjectStore, prefix: string): Promise<string[]> {
  return (await Array.fromAsync(store.list(prefix))).map(({ key }) => key)
}

async function* inChunks(text: string): AsyncGenerator<Uint8Array> {
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

async function assertNothing(it: StoreUnderTest): Promise<void> {
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

function assertProblem(problem: StoreProblem, error: unknown): void {
  assert.ok(error instanceof StoreError, `not a StoreError: ${error instanceof Error ? error.stack : error}`)
  assert.equal(error.problem, problem, error.message)
}
