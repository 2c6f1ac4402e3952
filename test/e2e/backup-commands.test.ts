// What the commands on backups do besides backing up: choose, ask, colour, and keep a configuration.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileStore } from '#store/file.ts'
import { cli, scratchFolder, type CliOptions, type CliResult } from '../support/cli.ts'
import { putStoredBackup } from '../support/stored-backup.ts'

/** A store with the backups `names`, and commands on it. */
async function storeWith(
  ...names: string[]
): Promise<AsyncDisposable & { path: string; run: (args: string[], options?: CliOptions) => Promise<CliResult> }> {
  const folder = await scratchFolder()
  const store = join(folder.path, 'store')
  for (const name of names) await putStoredBackup(fileStore(store), name)
  return {
    path: folder.path,
    run: (args, { env, ...options } = {}) =>
      cli(args, { ...options, env: { LIFEBOAT_STORE: store, HOME: folder.path, ...env } }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

const namesIn = (listing: string): string[] =>
  listing
    .split('\n')
    .slice(1, -1)
    .map((line) => line.split(' ')[0] ?? '')

test('delete asks, takes an answer from a pipe, and a name that is not there keeps no other from being deleted', async () => {
  await using store = await storeWith('monday', 'tuesday')
  const left = async (): Promise<string[]> => namesIn((await store.run(['backup', 'get'])).stdout)
  for (const [input, reason] of [
    [undefined, /nothing was deleted: add --confirm/],
    ['n\n', /nothing was deleted$/m],
  ] as const) {
    const { code, stderr } = await store.run(['backup', 'delete', 'monday'], input === undefined ? {} : { input })
    assert.equal(code, 1)
    assert.match(stderr, reason)
  }
  assert.deepEqual(await left(), ['monday', 'tuesday'])
  const partly = await store.run(['backup', 'delete', 'friday', 'monday'], { input: 'y\n' })
  assert.equal(partly.code, 1)
  assert.match(partly.stdout, /^Backup monday deleted/)
  assert.match(partly.stderr, /no backup "friday" in store .*; there are: tuesday/)
  assert.deepEqual(await left(), ['tuesday'])
  const none = await store.run(['delete', 'backups', 'friday', 'saturday', '--confirm'])
  assert.equal(none.code, 1)
  assert.match(none.stderr, /no backup "friday", "saturday"/)
  assert.equal((await store.run(['backup', 'delete', '-l', 'no=such', '--confirm'])).stdout, 'No backups found\n')
  assert.equal((await store.run(['backup', 'delete', '--all', '--confirm'])).code, 0)
  assert.deepEqual(await left(), [])
})

test('exactly one way to say which backups to delete is taken', async () => {
  await using store = await storeWith('monday')
  for (const args of [[], ['monday', '--all'], ['--all', '-l', 'a=b'], ['monday', '-l', 'a=b']]) {
    const { code, stderr } = await store.run(['backup', 'delete', ...args, '--confirm'])
    assert.equal(code, 2, args.join(' '))
    assert.match(stderr, /exactly one of them/)
  }
})

test('colours are for terminals, unless a flag or the configuration says otherwise; NO_COLOR says the last word', async () => {
  await using store = await storeWith('monday')
  const isColoured = async (args: string[], env: Record<string, string> = {}): Promise<boolean> =>
    (await store.run(['backup', 'get', ...args], { env })).stdout.includes('\u001b[')
  assert.equal(await isColoured([]), false)
  assert.equal(await isColoured(['--colorized']), true)
  assert.equal(await isColoured(['--colorized'], { NO_COLOR: '1' }), false)
  assert.equal((await store.run(['client', 'config', 'set', 'colorized=true'])).code, 0)
  assert.equal(await isColoured([]), true)
  assert.equal(await isColoured(['--colorized=false']), false)
})

test('the configuration of the client is set, shown, and decides before the environment', async () => {
  await using store = await storeWith()
  const config = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await store.run(['client', 'config', ...args])
    assert.equal(code, 0, stderr)
    return stdout
  }
  await config('set', 'namespace=harbor', 'features=EnableCSI')
  assert.equal(await config('get'), 'features: EnableCSI\nnamespace: harbor\n')
  assert.equal(await config('get', 'namespace', 'cacert'), 'namespace: harbor\ncacert: <NOT SET>\n')
  const planned = ['backup', 'create', 'b', '-o', 'json']
  const namespaceOf = async (...flags: string[]): Promise<string> => {
    const { stdout } = await store.run([...planned, ...flags], { env: { VELERO_NAMESPACE: 'elsewhere' } })
    return (JSON.parse(stdout) as { metadata: { namespace: string } }).metadata.namespace
  }
  assert.equal(await namespaceOf(), 'harbor')
  assert.equal(await namespaceOf('-n', 'orchard'), 'orchard')
  await config('set', 'namespace=')
  assert.equal(await namespaceOf(), 'elsewhere')
  const wrong = await store.run(['client', 'config', 'set', 'nonsense'])
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /"nonsense" is not KEY=VALUE/)
})

test('the log of a backup that has none is refused with the reason', async () => {
  await using store = await storeWith('monday')
  const { code, stderr } = await store.run(['backup', 'logs', 'monday'])
  assert.equal(code, 1)
  assert.match(stderr, /backup "monday" has no log in store/)
})
