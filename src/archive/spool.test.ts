import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openSpool } from './spool.ts'

test('many readers at once find what was appended a moment ago', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'lifeboat-spool-'))
  for (let round = 0; round < 50; round += 1) {
    await using spool = await openSpool(folder.path)
    const chunks = Array.from({ length: 20 }, (_, index) => Buffer.alloc(12_000 + index, index))
    const positions: number[] = []
    for (const chunk of chunks) {
      positions.push(spool.size)
      await spool.append(chunk)
    }
    const read = await Promise.all(chunks.map((chunk, index) => spool.read(positions[index]!, chunk.length)))
    assert.deepEqual(read, chunks)
  }
})
