import assert from 'node:assert/strict'
import { createHash, type Hash } from 'node:crypto'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { mebibyte, filler, type Open } from './contract-tools.ts'

/** Declares its part of the contract. */
export function largeBodies(open: Open): void {
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
