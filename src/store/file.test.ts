import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { hostname, tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { storeContract } from '#store/contract.ts'
import { bytes, filler, rejectsWith, text } from '#store/contract-tools.ts'
import { fileStore, keyPath } from '#store/file.ts'
import { keyProblem } from '#store/key.ts'

async function directory() {
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-store-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

storeContract(
  'file',
  async () => {
    const { path, ...disposal } = await directory()
    return {
      store: fileStore(path),
      leftovers: async () => readdir(join(path, '.lifeboat-tmp')).catch(() => []),
      ...disposal,
    }
  },
  { streams: true },
)

test('a key that a store takes leads to a path of its own below the root, or is refused for its length', () => {
  const segment = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1 }),
    fc.constantFrom('..', '.', 'a', '%2e%2e', '...', '\\..\\', 'a:b'),
  )
  const key = fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => segments.join('/'))
  fc.assert(
    fc.property(key, key, (one, other) => {
      fc.pre(keyProblem(one) === undefined && keyProblem(other) === undefined)
      const path = keyPath('/root/store', one)
      assert.equal(path, `/root/store/${one}`)
      assert.ok(!path.split(sep).includes('..'))
      assert.equal(path === keyPath('/root/store', other), one === other)
    }),
    { numRuns: 500 },
  )
})

test('a segment longer than a file name can be is refused, with the reason', async () => {
  await using it = await directory()
  const store = fileStore(it.path)
  await rejectsWith(
    'invalid',
    store.put(`a/${'x'.repeat(256)}`, bytes('x')),
    /longer than the 255 bytes of a file name/,
  )
  await store.put(`a/${'x'.repeat(255)}`, bytes('x'))
  await rejectsWith('invalid', store.head(`a/${'ä'.repeat(128)}`), /255 bytes/)
})

test('objects and folders cannot be read by other users', async () => {
  await using it = await directory()
  await fileStore(join(it.path, 'store')).put('a/b', bytes('secret'))
  const mode = async (path: string) => ((await stat(join(it.path, path))).mode & 0o777).toString(8)
  assert.deepEqual([await mode('store'), await mode('store/a'), await mode('store/a/b')], ['700', '700', '600'])
})

test('a directory that is not there is an error for reading, and made for writing when its parent is there', async () => {
  await using it = await directory()
  const store = fileStore(join(it.path, 'new'))
  const words = /no directory .*new: create it, or check the path/
  await rejectsWith('no-bucket', store.check({ write: false }), words)
  await rejectsWith('no-bucket', store.get('a'), words)
  await rejectsWith('no-bucket', store.head('a'), words)
  await rejectsWith('no-bucket', store.delete('a'), words)
  await rejectsWith('no-bucket', Array.fromAsync(store.list('')), words)
  await rejectsWith('no-bucket', Array.fromAsync(store.folders('')), words)
  assert.deepEqual(await readdir(it.path), [])
  await store.check({ write: true })
  assert.deepEqual(await readdir(it.path), ['new'])
  const far = fileStore(join(it.path, 'not', 'there'))
  await rejectsWith('no-bucket', far.check({ write: true }), /no directory .*there, nor .*not to create it in/)
  await rejectsWith('no-bucket', far.put('a', bytes('x')), /nor .*not to create it in/)
})

test('a store that is a file, or lies below one, is invalid', async () => {
  await using it = await directory()
  await writeFile(join(it.path, 'file'), 'x')
  for (const write of [true, false]) {
    await rejectsWith('invalid', fileStore(join(it.path, 'file')).check({ write }), /is not a directory/)
    await rejectsWith('invalid', fileStore(join(it.path, 'file', 'x')).check({ write }), /a part of the path is a file/)
  }
})

test('an object and a folder cannot have the same name in a directory', async () => {
  await using it = await directory()
  const store = fileStore(it.path)
  await store.put('a', bytes('x'))
  await rejectsWith('invalid', store.put('a/b', bytes('x')), /a part of it is an object/)
  await store.put('b/c', bytes('x'))
  await rejectsWith('invalid', store.put('b', bytes('x')), /is a folder/)
  assert.deepEqual(
    (await Array.fromAsync(store.list(''))).map(({ key }) => key),
    ['a', 'b/c'],
  )
})

test('files and empty folders that no store made are not shown, and not in the way', async () => {
  await using it = await directory()
  await mkdir(join(it.path, 'empty', 'deep'), { recursive: true })
  await writeFile(join(it.path, 'new\nline'), 'x')
  const store = fileStore(it.path)
  await store.put('a/b', bytes('x'))
  assert.deepEqual(
    (await Array.fromAsync(store.list(''))).map(({ key }) => key),
    ['a/b'],
  )
  assert.deepEqual(await Array.fromAsync(store.folders('')), ['a'])
})

test('what dead writers left is removed once it is old; what may still be written stays', async () => {
  await using it = await directory()
  const folder = join(it.path, '.lifeboat-tmp')
  await mkdir(folder)
  const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 12)
  const dead = spawnSync('true').pid
  const leave = async (name: string, minutes: number) => {
    await writeFile(join(folder, name), 'part')
    const when = new Date(Date.now() - minutes * 60_000)
    await utimes(join(folder, name), when, when)
    return name
  }
  await leave(`${host}.${dead}.aa`, 20)
  await leave('0123456789ab.1.bb', 25 * 60)
  await leave('claim-cc', 25 * 60)
  const stay = [
    await leave(`${host}.${dead}.dd`, 5),
    await leave(`${host}.${process.pid}.ee`, 20),
    await leave('0123456789ab.1.ff', 20),
    await leave('claim-gg', 20),
  ]
  const store = fileStore(it.path)
  await store.put('a', bytes('x'))
  assert.deepEqual((await readdir(folder)).toSorted(), stay.toSorted())
  assert.deepEqual(
    (await Array.fromAsync(store.list(''))).map(({ key }) => key),
    ['a'],
  )
})

test('a writer that is killed leaves no object and no name in the way', async () => {
  await using it = await directory()
  const program = `
    import { fileStore } from '#store/file.ts'
    async function* body() { yield new Uint8Array(100_000); process.kill(process.pid, 'SIGKILL'); await new Promise(() => {}) }
    await fileStore(${JSON.stringify(it.path)}).put('a/b', body())`
  const { signal } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', program], {
    cwd: process.cwd(),
  })
  assert.equal(signal, 'SIGKILL')
  const store = fileStore(it.path)
  assert.deepEqual(await Array.fromAsync(store.list('')), [])
  assert.equal((await readdir(join(it.path, '.lifeboat-tmp'))).length, 1)
  await store.put('a/b', bytes('second try'))
  assert.equal(await text(store, 'a/b'), 'second try')
})

// Real file systems, as only they fail like file systems; where nobody may mount, the test says that it did not run.
async function mounted(t: TestContext, options: string[], source = 'tmpfs') {
  const { path } = await directory()
  const { status } = spawnSync('mount', [...options, source, path])
  if (status === 0) t.after(() => execFileSync('umount', ['-l', path]))
  else t.skip('needs the right to mount')
  return status === 0 ? path : undefined
}

test('a full disk is told as full and leaves nothing', async (t) => {
  const path = await mounted(t, ['-t', 'tmpfs', '-o', 'size=1m'])
  if (path === undefined) return
  const store = fileStore(path)
  await rejectsWith(
    'full',
    store.put('backups/a/a.tar.gz', filler(2 * 1024 * 1024)),
    /a\.tar\.gz: no space left .*: free some/,
  )
  assert.deepEqual(await readdir(path), [])
  await store.put('small', bytes('fits'))
})

test('a read-only disk can be read, and is denied for writing', async (t) => {
  const path = await mounted(t, ['-t', 'tmpfs', '-o', 'size=1m'])
  if (path === undefined) return
  const store = fileStore(path)
  await store.put('a/b', bytes('x'))
  execFileSync('mount', ['-o', 'remount,ro', path])
  await store.check({ write: false })
  assert.equal(await text(store, 'a/b'), 'x')
  await rejectsWith('denied', store.check({ write: true }), /read-only: remount it/)
  await rejectsWith('denied', store.put('c', bytes('x')), /read-only/)
  await rejectsWith('denied', store.delete('a/b'), /read-only/)
})

test('a directory without permission is denied', async () => {
  await using it = await directory()
  await chmod(it.path, 0o555)
  using _nobody = asNobody()
  await rejectsWith('denied', fileStore(it.path).check({ write: true }), /permission denied: run as a user who may/)
})

/** Root may do everything, so for a while this process is somebody else. */
function asNobody(): Disposable {
  const { geteuid, seteuid } = process
  if (geteuid?.() !== 0 || seteuid === undefined) return { [Symbol.dispose]: () => undefined }
  seteuid(65_534)
  return { [Symbol.dispose]: () => seteuid(0) }
}
