import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mebibyte, bytes, text, content, filler, rejectsWith, type Open } from './contract-tools.ts'

/** Declares its part of the contract. */
export function gets(open: Open): void {
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
