import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { Item } from '#kube/object.ts'
import { ArchiveError } from './error.ts'
import { createManifest, openManifest } from './manifest.ts'
import type { Cut, ManifestEntry } from './manifest.ts'
import type { OpenArchive } from './open.ts'
import { openArchive } from './open.ts'
import { packArchive } from './pack.ts'
import type { PackItem } from './pack.ts'
import { verifyArchive } from './verify.ts'

const mtime = new Date('2026-01-02T03:04:05Z')
const noTypes: Cut = { resourceVersion: '7', types: [] }

function configMap(name: string, data: Record<string, string> = {}, namespace = 'harbor'): PackItem {
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace, uid: `uid-${name}`, resourceVersion: '5' },
    data,
  }
  const type = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true }
  return { preferred: true, item: { type, namespace, name, object } }
}

async function* each<T>(values: Iterable<T>): AsyncGenerator<T> {
  yield* values
}

async function packed(items: Iterable<PackItem>, onEntry?: (entry: ManifestEntry) => void): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(packArchive(each(items), { mtime, onEntry })))
}

async function tempFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-archive-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

async function opened(bytes: Uint8Array, spoolDir: string): Promise<OpenArchive> {
  return await openArchive(each([bytes]), { spoolDir, parse: JSON.parse })
}

async function manifestOf(items: PackItem[], spoolDir: string): Promise<Buffer> {
  await using manifest = await createManifest({ backup: 'b', createdBy: 'test' }, { spoolDir })
  await packed(items, (entry) => manifest.add(entry))
  return Buffer.concat(
    await Array.fromAsync(await manifest.finish({ cut: noTypes, artifacts: [] }), (chunk) => Buffer.from(chunk)),
  )
}

const part = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 253 })
  .filter((text) => !/[/\\\0]/.test(text) && text !== '.' && text !== '..' && text.isWellFormed())

const anyItem = fc
  .record({
    name: part,
    namespace: fc.option(part, { nil: undefined }),
    group: fc.option(fc.domain(), { nil: '' }),
    version: fc.constantFrom('v1', 'v1beta1', 'v2'),
    plural: fc.constantFrom('pods', 'widgets', 'a-plural-of-more-than-fifty-characters-as-some-operators-have-them'),
    preferred: fc.boolean(),
    payload: fc.jsonValue(),
  })
  .map(({ name, namespace, group, version, plural, preferred, payload }): PackItem => {
    const object = { apiVersion: version, kind: 'Any', metadata: { name, uid: 'u', resourceVersion: '1' }, payload }
    const type = { group, version, plural, kind: 'Any', namespaced: namespace !== undefined }
    return { preferred, item: { type, namespace, name, object } as Item }
  })

test('whatever objects are packed, long names and unicode included, the same objects come back', async () => {
  await using folder = await tempFolder()
  const items = fc.uniqueArray(anyItem, {
    maxLength: 12,
    selector: ({ item }) =>
      JSON.stringify([item.type.plural, item.type.group, item.type.version, item.namespace, item.name]),
  })
  await fc.assert(
    fc.asyncProperty(items, async (given) => {
      const manifest: ManifestEntry[] = []
      const bytes = await packed(given, (entry) => manifest.push(entry))
      await using archive = await opened(bytes, folder.path)
      for (const [i, { item, preferred }] of given.entries()) {
        const { path, sha256, size, version } = manifest[i]!
        const entry = archive.find(path)
        assert.ok(entry, path)
        assert.equal(entry.version, preferred ? undefined : item.type.version)
        assert.equal(entry.name, item.name)
        assert.equal(entry.namespace, item.namespace)
        assert.equal(entry.size, size)
        assert.equal(version, item.type.version)
        // Two versions of one object share the unversioned path, where the last one wins.
        if (given.some((other) => other !== given[i] && sameObject(other.item, item))) continue
        assert.equal(hash('sha256', await archive.readBytes(entry)), sha256)
        assert.deepEqual(await archive.read(entry), JSON.parse(JSON.stringify(item.object)))
      }
    }),
    { numRuns: 60 },
  )
})

function sameObject(a: Item, b: Item): boolean {
  return (
    a.name === b.name && a.namespace === b.namespace && a.type.plural === b.type.plural && a.type.group === b.type.group
  )
}

test('an archive of nothing holds only its version', async () => {
  await using folder = await tempFolder()
  await using archive = await opened(await packed([]), folder.path)
  assert.equal(archive.formatVersion, '1.1.0')
  assert.deepEqual(archive.resources(), [])
  assert.equal(archive.total, 0)
})

test('a preferred object is there twice, another one only under its version', async () => {
  await using folder = await tempFolder()
  const old = configMap('old')
  const bytes = await packed([
    configMap('new'),
    { ...old, preferred: false, item: { ...old.item, type: { ...old.item.type, version: 'v0' } } },
  ])
  await using archive = await opened(bytes, folder.path)
  assert.deepEqual(
    [...archive.entries()].map(({ path }) => path),
    ['resources/configmaps/namespaces/harbor/new.json'],
  )
  assert.deepEqual(
    [...archive.versionedEntries()].map(({ path }) => path),
    [
      'resources/configmaps/v1-preferredversion/namespaces/harbor/new.json',
      'resources/configmaps/v0/namespaces/harbor/old.json',
    ],
  )
  assert.deepEqual(archive.versionsOf('configmaps'), [
    { version: 'v1', preferred: true },
    { version: 'v0', preferred: false },
  ])
})

test('an object whose name leads out of its folder is not packed', async () => {
  for (const name of ['../x', 'a/b', '..', '']) {
    await assert.rejects(packed([configMap(name)]), { name: 'ArchiveError', problem: 'unsafe-entry' })
  }
})

test('an error of the items comes out of the archive unchanged', async () => {
  const failure = new Error('the cluster went away')
  async function* broken(): AsyncGenerator<PackItem> {
    yield configMap('a')
    throw failure
  }
  await assert.rejects(Array.fromAsync(packArchive(broken(), { mtime })), failure)
})

test('a slow consumer holds the items back, and one that leaves ends them', async () => {
  const noise = Array.from({ length: 64 }, (_, i) => hash('sha512', String(i), 'base64')).join('')
  let taken = 0
  let ended = false
  async function* items(): AsyncGenerator<PackItem> {
    try {
      for (let i = 0; i < 50_000; i++) {
        taken = i
        // Changing noise, so that the compressed bytes keep pace with the objects.
        yield configMap(`cm-${i}`, { noise: hash('sha512', String(i), 'base64') + noise })
      }
    } finally {
      ended = true
    }
  }
  let out = 0
  for await (const chunk of packArchive(items(), { mtime })) {
    out += chunk.length
    for (let i = 0; i < 200; i++) await turn()
    if (out > 200_000) break
  }
  assert.ok(taken > 0)
  assert.ok(taken < 5_000, `${taken} items were taken for ${out} bytes`)
  for (let i = 0; i < 200 && !ended; i++) await turn()
  assert.ok(ended, 'a consumer that leaves ends the items too')
})

test('nothing of a disposed, failed or aborted archive is left on disk', async () => {
  await using folder = await tempFolder()
  const bytes = await packed([configMap('a'), configMap('b')])
  const archive = await opened(bytes, folder.path)
  assert.deepEqual(await readdir(folder.path), [], 'the temporary file has no name even while it is open')
  const [entry] = archive.entries()
  await archive[Symbol.asyncDispose]()
  await assert.rejects(archive.readBytes(entry!), { problem: 'closed' })
  await assert.rejects(opened(bytes.subarray(0, 40), folder.path), { problem: 'truncated' })
  assert.deepEqual(await readdir(folder.path), [])
})

test('an abort ends the reading even when no more bytes come', async () => {
  await using folder = await tempFolder()
  const bytes = await packed([configMap('a')])
  const abort = new AbortController()
  async function* stalled(): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 30)
    setTimeout(() => abort.abort(new Error('Ctrl-C')), 10)
    await new Promise(() => {})
  }
  const alive = setInterval(() => {}, 1000)
  await assert.rejects(
    openArchive(stalled(), { spoolDir: folder.path, parse: JSON.parse, signal: abort.signal }),
    /Ctrl-C/,
  )
  clearInterval(alive)
  assert.deepEqual(await readdir(folder.path), [])
})

test('a spool folder that cannot be written is said so', async () => {
  await assert.rejects(opened(await packed([]), '/dev/null/x'), { problem: 'no-space', message: /\/dev\/null\/x/ })
})

test('an entry that is no object is refused by name when it is read', async () => {
  await using folder = await tempFolder()
  const list = configMap('list')
  await using archive = await opened(
    await packed([{ ...list, item: { ...list.item, object: { metadata: { name: 'list' } } as never } }]),
    folder.path,
  )
  const [entry] = archive.entries()
  await assert.rejects(archive.read(entry!), {
    problem: 'invalid-object',
    message: /configmaps\/namespaces\/harbor\/list\.json/,
  })
})

test('a manifest agrees with its own archive and names every difference from another', async () => {
  await using folder = await tempFolder()
  const items = [configMap('a'), configMap('b', { x: '1' }), configMap('c')]
  const manifest = await manifestOf(items, folder.path)
  const compare = async (given: PackItem[]) => {
    await using archive = await opened(await packed(given), folder.path)
    return await verifyArchive(archive, await openManifest(each([manifest])))
  }
  assert.deepEqual(await compare(items), { objects: 3, differences: [] })
  const { differences } = await compare([configMap('b', { x: '2' }), configMap('c'), configMap('d')])
  assert.deepEqual(
    differences.map(({ path, problem }) => `${problem} ${path.replace('resources/configmaps/', '')}`),
    [
      'missing namespaces/harbor/a.json',
      'missing v1-preferredversion/namespaces/harbor/a.json',
      'changed namespaces/harbor/b.json',
      'changed v1-preferredversion/namespaces/harbor/b.json',
      'extra namespaces/harbor/d.json',
      'extra v1-preferredversion/namespaces/harbor/d.json',
    ],
  )
})

test('a manifest tells its cut, its siblings and its counts in its last line', async () => {
  await using folder = await tempFolder()
  const cut: Cut = {
    resourceVersion: '42',
    types: [
      { resource: 'pods', version: 'v1', resourceVersion: '42', atCut: true, objects: 1 },
      {
        resource: 'x.example.com',
        version: 'v1',
        resourceVersion: '44',
        atCut: false,
        reason: 'aggregated',
        objects: 0,
      },
    ],
  }
  const artifacts = [{ name: 'b.tar.gz', sha256: 'a'.repeat(64), size: 12 }]
  await using manifest = await createManifest({ backup: 'b', createdBy: 'lifeboat/1' }, { spoolDir: folder.path })
  manifest.add({
    path: 'resources/pods/cluster/a.json',
    version: 'v1',
    uid: 'u',
    resourceVersion: '3',
    sha256: 'b'.repeat(64),
    size: 9,
  })
  const bytes = await manifest.finish({ cut, artifacts })
  const reader = await openManifest(bytes)
  assert.deepEqual(reader.header, { formatVersion: '1', backup: 'b', createdBy: 'lifeboat/1' })
  assert.deepEqual(await reader.trailer(), { cut, artifacts, objects: 1, bytes: 9 })
  assert.equal((await Array.fromAsync((await openManifest(bytes)).entries)).length, 1, 'the bytes can be read twice')
})

test('a manifest without all of its lines is truncated', async () => {
  await using folder = await tempFolder()
  const lines = gunzipSync(await manifestOf([configMap('a'), configMap('b')], folder.path))
    .toString()
    .trimEnd()
    .split('\n')
  assert.equal(lines.length, 4)
  const read = async (kept: string[]) => {
    const reader = await openManifest(each([gzipSync(kept.map((line) => `${line}\n`).join(''))]))
    await Array.fromAsync(reader.entries)
  }
  await read(lines)
  for (const kept of [[], lines.slice(0, 1), lines.slice(0, 3), [...lines.slice(0, 2), lines[3]!]]) {
    await assert.rejects(read(kept), (error) => error instanceof ArchiveError && error.problem === 'truncated')
  }
  await assert.rejects(read([...lines, lines[1]!]), { problem: 'trailing-data' })
  await assert.rejects(read([lines[0]!.replace('"1"', '"9"')]), { problem: 'unsupported' })
  await assert.rejects(read([lines[0]!, '{"path":1}']), { problem: 'invalid-json' })
})
