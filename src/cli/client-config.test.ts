import assert from 'node:assert/strict'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { clientConfigPath, featuresOf, readClientConfig, writeClientConfig } from './client-config.ts'

async function home(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-home-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

test('the configuration is read as it was written, in the place of Velero’s client, by its user alone', async () => {
  await using folder = await home()
  assert.deepEqual(await readClientConfig(folder.path), {})
  await writeClientConfig(folder.path, { namespace: 'backup', features: 'EnableCSI' })
  assert.deepEqual(await readClientConfig(folder.path), { namespace: 'backup', features: 'EnableCSI' })
  const path = join(folder.path, '.config/velero/config.json')
  assert.equal(clientConfigPath(folder.path), path)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
})

test('what is no map is refused, and what is no text is passed over', async () => {
  await using folder = await home()
  await writeClientConfig(folder.path, {})
  const path = clientConfigPath(folder.path)
  for (const text of ['[]', '{', '"x"']) {
    await writeFile(path, text)
    await assert.rejects(readClientConfig(folder.path), text)
  }
  await writeFile(path, '{"namespace":"a","other":5}')
  assert.deepEqual(await readClientConfig(folder.path), { namespace: 'a' })
})

test('features of the configuration and of the command line add up', () => {
  assert.deepEqual([...featuresOf({ features: 'a, b,' }, ['b', 'c'])], ['a', 'b', 'c'])
  assert.deepEqual([...featuresOf({}, undefined)], [])
})
