import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cli, scratchFolder } from '../support/cli.ts'

test('sandbox up --node gives a node in one command; a second up finds it; down ends it', async () => {
  await using folder = await scratchFolder()
  // The programs come from the cache that this run has filled.
  const { HOME = '/root', XDG_CACHE_HOME = `${HOME}/.cache` } = process.env
  const env = { XDG_STATE_HOME: folder.path, XDG_CACHE_HOME, HOME }
  const run = (...args: string[]) => cli(['sandbox', ...args], { env })
  try {
    const up = await run('up', '--node')
    assert.equal(up.code, 0, up.stderr)
    assert.match(up.stderr, /^node ready after/m)
    assert.match((await run('status')).stdout, /^default\s+running/m)
    assert.equal((await run('up', '--node')).code, 0)
    assert.equal((await run('up')).code, 0, 'what is there may have more than was asked for')
    await run('down')
    assert.equal((await run('up')).code, 0)
    const refused = await run('up', '--node')
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /sandbox default already runs, without a node; end it first/)
  } finally {
    assert.match((await run('down')).stdout, /ended and removed/)
  }
})
