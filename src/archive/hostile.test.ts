import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import type { Header } from 'tar-stream'
import type { ArchiveProblem } from './error.ts'
import { ArchiveError } from './error.ts'
import type { ArchiveLimits } from './open.ts'
import { openArchive } from './open.ts'

type Entry = Partial<Header> & { body?: string | Buffer }

const good: Entry[] = [
  { name: 'metadata/version', body: '1.1.0\n' },
  { name: 'resources/pods/namespaces/a/p.json', body: '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"}}' },
  {
    name: 'resources/pods/v1-preferredversion/namespaces/a/p.json',
    body: '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"}}',
  },
]

async function tarOf(entries: Entry[]): Promise<Buffer> {
  const tar = pack()
  for (const { body = '', ...header } of entries) tar.entry({ name: 'x', ...header }, body)
  tar.finalize()
  return Buffer.concat(await Array.fromAsync(tar as AsyncIterable<Buffer>))
}

/** What a reader sees of `bytes`: path → text. Proves that nothing is left on disk. */
async function contentOf(bytes: Uint8Array, limits: Partial<ArchiveLimits> = {}): Promise<Record<string, string>> {
  const spoolDir = await mkdtemp(join(tmpdir(), 'lifeboat-hostile-'))
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700)
  }
  try {
    await using archive = await openArchive(pieces(), { spoolDir, parse: JSON.parse, limits })
    const content: Record<string, string> = {}
    for (const entry of [...archive.entries(), ...archive.versionedEntries()]) {
      content[entry.path] = Buffer.from(await archive.readBytes(entry)).toString()
    }
    return content
  } finally {
    assert.deepEqual(await readdir(spoolDir), [])
    await rm(spoolDir, { recursive: true })
  }
}

async function refuses(
  bytes: Uint8Array,
  problem: ArchiveProblem | ArchiveProblem[],
  limits?: Partial<ArchiveLimits>,
): Promise<ArchiveError> {
  const error = await contentOf(bytes, limits).then(
    () => assert.fail('the archive was taken'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof ArchiveError, String(error))
  assert.ok([problem].flat().includes(error.problem), `${error.problem}: ${error.message}`)
  return error
}

for (const name of [
  '../evil.json',
  'resources/../../evil.json',
  'resources/pods/..',
  '/etc/passwd',
  '..\\evil',
  './/../x',
]) {
  test(`an entry called ${name} is refused by name`, async () => {
    const error = await refuses(gzipSync(await tarOf([...good, { name, body: '{}' }])), 'unsafe-entry')
    assert.ok(error.message.includes(JSON.stringify(name)), error.message)
  })
}

for (const type of ['symlink', 'link', 'character-device', 'block-device', 'fifo'] as const) {
  test(`a ${type} is refused by name`, async () => {
    const name = 'resources/pods/namespaces/a/evil.json'
    const error = await refuses(
      gzipSync(await tarOf([...good, { name, type, linkname: '/etc/passwd' }])),
      'unsafe-entry',
    )
    assert.match(error.message, /evil\.json/)
  })
}

test('directories, a leading ./ and files outside resources/ are passed over', async () => {
  const odd: Entry[] = [
    { name: 'resources/', type: 'directory' },
    { name: 'README', body: 'hello' },
    { name: './resources/pods/cluster/c.json', body: '{}' },
    { name: 'resources/pods/stray.json', body: '{}' },
  ]
  assert.deepEqual(Object.keys(await contentOf(gzipSync(await tarOf([...odd, ...good])))), [
    'resources/pods/cluster/c.json',
    ...good.slice(1).map(({ name }) => name),
  ])
})

test('a path that comes twice counts once, and the last one wins', async () => {
  const content = await contentOf(gzipSync(await tarOf([...good, { name: good[1]!.name!, body: '{"second":true}' }])))
  assert.equal(content[good[1]!.name!], '{"second":true}')
  assert.equal(Object.keys(content).length, 2)
})

test('several gzip members are one archive', async () => {
  const tar = await tarOf(good)
  const members = Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))])
  assert.deepEqual(await contentOf(members), await contentOf(gzipSync(tar)))
})

test('a tar cut at any block, in valid gzip, is refused', async () => {
  const tar = await tarOf(good)
  for (let at = 0; at < tar.length; at += 512) await refuses(gzipSync(tar.subarray(0, at)), ['corrupt', 'truncated'])
  await refuses(gzipSync(tar.subarray(0, 1000)), ['corrupt', 'truncated'])
})

test('gzip data cut at any byte is refused', async () => {
  const bytes = gzipSync(await tarOf(good))
  for (let at = 0; at < bytes.length; at += 3) await refuses(bytes.subarray(0, at), ['truncated', 'corrupt'])
})

test('a flipped bit is detected or changes nothing', async () => {
  const bytes = gzipSync(await tarOf(good))
  const content = await contentOf(bytes)
  for (let at = 0; at < bytes.length; at++) {
    const flipped = Buffer.from(bytes)
    flipped[at]! ^= 1 << (at % 8)
    const outcome = await contentOf(flipped).catch((error: unknown) => error)
    // The gzip header's time, flags of origin and the like say nothing about the content.
    if (outcome instanceof Error) assert.ok(outcome instanceof ArchiveError, `byte ${at}: ${outcome.stack}`)
    else assert.deepEqual(outcome, content, `byte ${at}`)
  }
})

test('a flipped bit in any tar header, in valid gzip, is detected', async () => {
  const tar = await tarOf(good)
  // The first header: every byte of it is under its checksum.
  for (let at = 0; at < 512; at += 5) {
    const flipped = Buffer.from(tar)
    flipped[at]! ^= 4
    await refuses(gzipSync(flipped), ['corrupt', 'unsafe-entry'])
  }
})

test('what is no gzip is said to be none', async () => {
  await refuses(Buffer.from('<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>'), 'not-gzip')
  await refuses(await tarOf(good), 'not-gzip')
  await refuses(gzipSync('hello'), 'corrupt')
})

test('anything behind the end is refused', async () => {
  const tar = await tarOf(good)
  const bytes = gzipSync(tar)
  await refuses(Buffer.concat([bytes, Buffer.from('more')]), 'corrupt')
  await refuses(Buffer.concat([bytes, Buffer.alloc(600)]), 'trailing-data')
  await refuses(gzipSync(Buffer.concat([tar, Buffer.from('more')])), 'corrupt')
  // A second tar behind the end is seen by some readers and not by others.
  await refuses(
    gzipSync(Buffer.concat([tar, await tarOf([{ name: 'resources/secrets/cluster/s.json', body: '{}' }])])),
    'corrupt',
  )
  assert.equal(
    Object.keys(await contentOf(gzipSync(Buffer.concat([tar, Buffer.alloc(8192)])))).length,
    2,
    'zero padding is no harm',
  )
})

test('an archive beyond a limit is refused, however small it is compressed', async () => {
  const bomb = gzipSync(
    await tarOf([...good, { name: 'resources/pods/cluster/b.json', body: Buffer.alloc(3_000_000) }]),
  )
  assert.ok(bomb.length < 5000)
  assert.match((await refuses(bomb, 'too-large', { entryBytes: 1_000_000 })).message, /b\.json/)
  await refuses(bomb, 'too-large', { totalBytes: 1_000_000 })
  await refuses(bomb, 'too-large', { entries: 3 })
  assert.equal(Object.keys(await contentOf(bomb, { entries: 4 })).length, 3)
})

test('a size that the archive does not hold is refused before memory is taken for it', async () => {
  const tar = await tarOf([{ name: 'resources/pods/cluster/b.json', body: '{}' }])
  tar.write('77777777777', 124, 'latin1')
  tar.write('        ', 148, 'latin1')
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0)
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  await refuses(gzipSync(tar), 'too-large')
})

test('a format of the future is refused', async () => {
  await refuses(gzipSync(await tarOf([{ name: 'metadata/version', body: '2.0.0\n' }])), 'unsupported')
})
