import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareKeys } from '#store/key.ts'
import { bytes, text, listed, rejectsWith, type Open } from './contract-tools.ts'

/** Declares its part of the contract. */
export function lists(open: Open): void {
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

/** Declares its part of the contract. */
export function keys(open: Open): void {
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
