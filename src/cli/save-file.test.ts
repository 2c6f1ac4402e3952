import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { UserError } from './exit.ts'
import { saveFile } from './save-file.ts'

async function scratch(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-save-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

/** Breaks off after its first chunk. */
async function* broken(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('half')
  throw new Error('the connection broke off')
}

const never = new AbortController().signal

test('a file is written whole, for its owner only; one that is there is left, unless it is to be overwritten', async () => {
  await using folder = await scratch()
  const path = join(folder.path, 'a')
  assert.equal(await saveFile(chunks('one', 'two'), path, { overwrite: false, signal: never }), 6)
  assert.equal(await readFile(path, 'utf8'), 'onetwo')
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  const again = saveFile(chunks('x'), path, { overwrite: false, signal: never })
  await assert.rejects(again, (error) => error instanceof UserError && /exists; choose another/.test(error.message))
  await saveFile(chunks('three'), path, { overwrite: true, signal: never })
  const link = join(folder.path, 'link')
  await symlink(path, link)
  await saveFile(chunks('four'), link, { overwrite: true, signal: never })
  assert.equal(await readFile(path, 'utf8'), 'four')
  assert.deepEqual((await readdir(folder.path)).toSorted(), ['a', 'link'])
})

test('what breaks off or is interrupted leaves no file, and the one that was to be overwritten as it was', async () => {
  await using folder = await scratch()
  const old = join(folder.path, 'old')
  await writeFile(old, 'as it was')
  for (const [path, overwrite] of [
    [join(folder.path, 'new'), false],
    [join(folder.path, 'new'), true],
    [old, true],
  ] as const) {
    await assert.rejects(saveFile(broken(), path, { overwrite, signal: never }), /the connection broke off/)
    const stop = new AbortController()
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        yield Buffer.from('more')
        stop.abort()
      }
    }
    await assert.rejects(saveFile(endless(), path, { overwrite, signal: stop.signal }))
  }
  assert.deepEqual(await readdir(folder.path), ['old'])
  assert.equal(await readFile(old, 'utf8'), 'as it was')
})

test('a device is written to, and is there afterwards whatever happens; where nothing can be written, that is said', async () => {
  assert.equal(await saveFile(chunks('away'), '/dev/null', { overwrite: true, signal: never }), 4)
  await assert.rejects(saveFile(broken(), '/dev/null', { overwrite: true, signal: never }), /broke off/)
  assert.ok((await stat('/dev/null')).isCharacterDevice())
  const full = saveFile(chunks('one'), '/dev/full', { overwrite: true, signal: never })
  await assert.rejects(full, /ENOSPC/)
  const nowhere = saveFile(chunks('one'), '/nonexistent/a', { overwrite: false, signal: never })
  await assert.rejects(nowhere, (error) => error instanceof UserError && /cannot write/.test(error.message))
})
