import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { assetNames, assetRecipe, cachedFileName } from './asset-recipe.ts'
import { ensureAsset, findAsset, type AssetProgress } from './assets.ts'
import { tryLock } from './file-lock.ts'
import { isOlder } from './go-toolchain.ts'
import { SandboxError } from './error.ts'

const tools = fileURLToPath(new URL('../../tools', import.meta.url))

test('LIFEBOAT_ASSETS wins over KUBEBUILDER_ASSETS, and both over the cache', async () => {
  await using home = await folder()
  const [mine, theirs] = [await home.program('mine/etcd'), await home.program('theirs/etcd')]
  const cached = await home.program(`cache/lifeboat/assets/${cachedFileName(assetRecipe('etcd'))}`)
  const env = { XDG_CACHE_HOME: join(home.path, 'cache') }
  const [LIFEBOAT_ASSETS, KUBEBUILDER_ASSETS] = [join(home.path, 'mine'), join(home.path, 'theirs')]
  assert.equal(await ensureAsset('etcd', { env: { ...env, LIFEBOAT_ASSETS, KUBEBUILDER_ASSETS } }), mine)
  assert.equal(await ensureAsset('etcd', { env: { ...env, KUBEBUILDER_ASSETS } }), theirs)
  assert.equal(await ensureAsset('etcd', { env }), cached)
  const both = ['/nowhere', KUBEBUILDER_ASSETS].join(delimiter)
  assert.equal(await ensureAsset('etcd', { env: { ...env, LIFEBOAT_ASSETS: both } }), theirs)
})

test('a folder, or a file that nobody may run, is not taken for a program', async () => {
  await using home = await folder()
  await chmod(await home.program('a/etcd'), 0o600)
  await mkdir(join(home.path, 'b/etcd'), { recursive: true })
  const LIFEBOAT_ASSETS = [join(home.path, 'a'), join(home.path, 'b')].join(delimiter)
  assert.equal(await findAsset('etcd', { LIFEBOAT_ASSETS, XDG_CACHE_HOME: home.path }), undefined)
})

test('without Go, one line says what to install or set, and nothing is left in the cache', async () => {
  await using home = await folder()
  const attempt = ensureAsset('kube-apiserver', { env: { PATH: '/nowhere', XDG_CACHE_HOME: home.path } })
  await assert.rejects(attempt, (error) => {
    assert.ok(error instanceof SandboxError && error.problem === 'asset-missing')
    assert.match(
      error.message,
      /^kube-apiserver v1\.\d+\.\d+ is not on this machine .*install Go 1\.\d+.*KUBEBUILDER_ASSETS/,
    )
    assert.doesNotMatch(error.message, /\n/)
    return true
  })
  assert.deepEqual(await readdir(join(home.path, 'lifeboat/assets')), [])
})

test('a Go that is too old is named', async () => {
  await using home = await folder()
  await home.program('bin/go', 'echo go version go1.19.5 linux/amd64')
  const attempt = ensureAsset('etcd', { env: { PATH: join(home.path, 'bin'), XDG_CACHE_HOME: home.path } })
  await assert.rejects(attempt, /the Go that is here \(1\.19\.5\) is too old/)
})

test('a failed build quotes the compiler and leaves nothing in the cache', async () => {
  await using home = await folder()
  const script =
    'case $1 in version) echo go version go1.99.0 x/y;; list) echo pkg;; *) echo "x.go:1: broken" >&2; exit 1;; esac'
  await home.program('bin/go', script)
  const attempt = ensureAsset('etcd', { env: { PATH: `${home.path}/bin`, XDG_CACHE_HOME: home.path } })
  await assert.rejects(
    attempt,
    (error: SandboxError) => error.problem === 'build-failed' && /x\.go:1: broken/.test(error.message),
  )
  assert.deepEqual(await readdir(join(home.path, 'lifeboat/assets')), [])
})

test('an interrupted build ends its processes and leaves nothing in the cache', async () => {
  await using home = await folder()
  const script = `case $1 in version) echo go version go1.99.0 x/y;; list) echo pkg;; *) echo $$ > ${home.path}/pid; sleep 300;; esac`
  await home.program('bin/go', script)
  const interrupt = new AbortController()
  const progress = (event: AssetProgress) => {
    if (event.step === 'building' && event.elapsedMs > 1000) interrupt.abort()
  }
  const env = { PATH: `${home.path}/bin:/usr/bin:/bin`, XDG_CACHE_HOME: home.path }
  const attempt = ensureAsset('etcd', { env, progress, signal: interrupt.signal })
  await assert.rejects(attempt, (error: SandboxError) => error.problem === 'aborted')
  const pid = Number(await readFile(join(home.path, 'pid'), 'utf8'))
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  assert.deepEqual(await readdir(join(home.path, 'lifeboat/assets')), [])
})

test('two that want the same program build it once', async () => {
  await using home = await folder()
  const script = `case $1 in version) echo go version go1.99.0 x/y;; list) echo pkg;;
    *) echo built >> ${home.path}/builds; while [ "$1" != -o ]; do shift; done; echo '#!/bin/sh' > $2; chmod +x $2;; esac`
  await home.program('bin/go', script)
  const env = { PATH: `${home.path}/bin:/usr/bin:/bin`, XDG_CACHE_HOME: home.path }
  const [one, other] = await Promise.all([ensureAsset('etcd', { env }), ensureAsset('etcd', { env })])
  assert.equal(one, other)
  assert.equal(await readFile(join(home.path, 'builds'), 'utf8'), 'built\n')
})

test('a lock is refused while its holder lives and taken over when it is dead', async () => {
  await using home = await folder()
  const path = join(home.path, 'lock')
  {
    await using held = (await tryLock(path)) as AsyncDisposable
    assert.ok(held)
    assert.deepEqual(await tryLock(path), { heldBy: process.pid })
  }
  // A process with our pid, but of another start: the number was reused.
  await writeFile(path, JSON.stringify({ pid: process.pid, started: 'long ago' }))
  const taken = await tryLock(path)
  assert.ok(!('heldBy' in taken))
  await taken[Symbol.asyncDispose]()
  assert.deepEqual(await readdir(home.path), [])
})

test('every recipe has the version that its module in tools/ pins', async () => {
  for (const name of assetNames()) {
    const recipe = assetRecipe(name)
    const goMod = await readFile(join(tools, recipe.module, 'go.mod'), 'utf8')
    const required = /^require (\S+) (\S+)$/m.exec(goMod)
    assert.equal(required?.[2], recipe.version, name)
    assert.ok(recipe.package === '.' || recipe.package.startsWith(required?.[1] ?? '-'), name)
  }
})

test('versions of Go compare by their numbers', () => {
  assert.ok(isOlder('1.9', '1.26.0'))
  assert.ok(isOlder('1.25.9', '1.26'))
  assert.ok(!isOlder('1.26', '1.26.0'))
  assert.ok(!isOlder('2.0', '1.99.1'))
})

async function folder() {
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-assets-'))
  return {
    path,
    /** A shell script, executable. */
    program: async (name: string, script = 'exit 0') => {
      const file = join(path, name)
      await mkdir(join(file, '..'), { recursive: true })
      await writeFile(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
      return file
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}
