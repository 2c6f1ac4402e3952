import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createTarDecoder, packTar } from 'modern-tar'
import { pack } from 'tar-stream'
import { ArchiveError } from './error.ts'
import { tarReader } from './tar-reader.ts'

/** Path → content; a path that comes again counts by its last content. */
type Content = Record<string, string>

/** What our reader sees of `tar` when it comes in pieces of so many bytes. */
function contentOf(tar: Buffer, pieces: readonly number[] = [tar.length]): Content {
  const reader = tarReader((header) => (header.type === 'file' ? header : undefined))
  const content: Content = {}
  for (let at = 0, turn = 0; at < tar.length; turn += 1) {
    const end = at + pieces[turn % pieces.length]!
    for (const { header, body } of reader.read(tar.subarray(at, end))) content[header.path] = body.toString('latin1')
    at = end
  }
  reader.end()
  return content
}

async function contentByModernTar(tar: Buffer): Promise<Content> {
  const content: Content = {}
  const entries = new Blob([tar]).stream().pipeThrough(createTarDecoder({ strict: true }))
  for await (const { header, body } of entries) {
    const bytes = Buffer.concat(await Array.fromAsync(body))
    if (header.type === 'file') content[header.name] = bytes.toString('latin1')
  }
  return content
}

interface File {
  name: string
  body: Buffer
}

async function packedByTarStream(files: readonly File[]): Promise<Buffer> {
  const tar = pack()
  for (const { name, body } of files) tar.entry({ name }, body)
  tar.finalize()
  return Buffer.concat(await Array.fromAsync(tar as AsyncIterable<Buffer>))
}

async function packedByModernTar(files: readonly File[]): Promise<Buffer> {
  const entries = files.map(({ name, body }) => ({ header: { name, size: body.length }, body: new Uint8Array(body) }))
  return Buffer.from(await packTar(entries))
}

const part = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 120 })
  .filter((text) => !/[/\\\0]/.test(text) && text !== '.' && text !== '..' && text.isWellFormed())
const file = fc.record({
  name: fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => `r/${parts.join('/')}`),
  body: fc.uint8Array({ maxLength: 1500 }).map((bytes) => Buffer.from(bytes)),
})
const files = fc.uniqueArray(file, { selector: ({ name }) => name, maxLength: 6 })
const pieces = fc.array(fc.integer({ min: 1, max: 1100 }), { minLength: 1, maxLength: 5 })

test('whatever files other programs pack, however they come in pieces, are read as they were', async () => {
  await fc.assert(
    fc.asyncProperty(files, pieces, async (all, sizes) => {
      const meant = Object.fromEntries(all.map(({ name, body }) => [name, body.toString('latin1')]))
      for (const pack of [packedByTarStream, packedByModernTar]) {
        assert.deepEqual(contentOf(await pack(all), sizes), meant)
      }
    }),
    { numRuns: 60 },
  )
})

test('a damaged tar that is taken all the same is one that another strict reader takes for the same', async () => {
  let taken = 0
  const damage = fc.record({ at: fc.nat(), bits: fc.integer({ min: 1, max: 255 }) })
  await fc.assert(
    fc.asyncProperty(files, fc.array(damage, { minLength: 1, maxLength: 3 }), async (all, damages) => {
      const tar = await packedByTarStream(all)
      for (const { at, bits } of damages) tar[at % tar.length]! ^= bits
      let content: Content
      try {
        content = contentOf(tar)
      } catch (error) {
        assert.ok(error instanceof ArchiveError && error.problem === 'corrupt', String(error))
        return
      }
      taken += 1
      assert.deepEqual(content, await contentByModernTar(tar))
    }),
    { numRuns: 300 },
  )
  assert.ok(taken > 0)
})

/** One block: a header with its checksum. */
function header(name: string, { type = '0', size = 0 }: { type?: string; size?: number | Buffer } = {}): Buffer {
  const block = Buffer.alloc(512)
  block.write(name, 0, 100)
  if (typeof size === 'number') block.write(size.toString(8).padStart(11, '0'), 124)
  else size.copy(block, 124)
  block.write(type, 156)
  block.write('ustar\u000000', 257, 'latin1')
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

/** Content with its padding. */
function blocks(text: string): Buffer {
  return Buffer.concat([Buffer.from(text), Buffer.alloc(-Buffer.byteLength(text) & 511)])
}

const END = Buffer.alloc(1024)

function attributes(...records: string[]): string {
  return records
    .map((record) => {
      const bare = Buffer.byteLength(record) + 2
      const length = bare + String(bare + String(bare).length).length
      return `${length} ${record}\n`
    })
    .join('')
}

function tarOf(...parts: Buffer[]): Buffer {
  return Buffer.concat([...parts, END])
}

test('names and sizes are those that stand before the entry, for it alone or for all that follow', () => {
  const long = 'n'.repeat(300)
  const pax = attributes('path=x/y', 'size=5', 'mtime=1.5')
  const global = attributes('size=3', 'comment=a=b')
  const tar = tarOf(
    header('././@LongLink', { type: 'K', size: 4 }),
    blocks('some'),
    header('././@LongLink', { type: 'L', size: 301 }),
    blocks(`${long}\0`),
    header('short', { size: 2 }),
    blocks('ab'),
    header('PaxHeader/x', { type: 'x', size: pax.length }),
    blocks(pax),
    header('x', { size: 1 }),
    blocks('fives'),
    header('PaxHeader/g', { type: 'g', size: global.length }),
    blocks(global),
    header('one', { size: 1 }),
    blocks('abc'),
    header('two', { size: 9 }),
    blocks('def'),
  )
  assert.deepEqual(contentOf(tar), { [long]: 'ab', 'x/y': 'fives', one: 'abc', two: 'def' })
})

test('a size may be written in binary, and one beyond all measure is refused', () => {
  const size = Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2])
  assert.deepEqual(contentOf(tarOf(header('big', { size }), blocks('b'.repeat(258)))), { big: 'b'.repeat(258) })
  assert.throws(() => contentOf(tarOf(header('huge', { size: Buffer.alloc(12, 0xff) }))), /a number that is too large/)
})

test('what is neither file nor directory is told by its own name, and its content passed over when it is not wanted', () => {
  const seen: string[] = []
  const reader = tarReader(({ path, type }) => {
    seen.push(`${path}: ${type}`)
    return undefined
  })
  const parts = [header('d', { type: '5' }), header('s', { type: 'S', size: 600 }), blocks('x'.repeat(600))]
  assert.deepEqual([...reader.read(tarOf(...parts, header('l', { type: '2' })))], [])
  reader.end()
  assert.deepEqual(seen, ['d: directory', 's: entry of type "S"', 'l: symlink'])
})

test('what readers could see differently is refused', () => {
  const bad = (...parts: Buffer[]): (() => unknown) => {
    return () => contentOf(Buffer.concat(parts))
  }
  const one = header('one', { size: 1 })
  assert.throws(bad(header('d', { type: '5', size: 1 }), blocks('x'), END), /a directory with content/)
  assert.throws(bad(one, blocks('x'), Buffer.alloc(512)), /ends too early/)
  assert.throws(bad(one, blocks('x'), Buffer.alloc(512), one, blocks('y'), END), /goes on behind its end/)
  assert.throws(bad(one, blocks('x'), END, Buffer.from('more')), /goes on behind its end/)
  assert.deepEqual(bad(one, blocks('x'), END, Buffer.alloc(100))(), { one: 'x' })
  assert.throws(bad(header('n', { type: 'L', size: 2 ** 21 })), /a name of 2097152 bytes/)
  for (const pax of [
    '5 a=b',
    '5 a=b\n',
    '99 a=b\n',
    '0 a=b\n',
    'x a=b\n',
    ' 5 =\n',
    attributes('size=-1'),
    attributes('size=1e3'),
  ]) {
    const parts = [header('p', { type: 'x', size: pax.length }), blocks(pax), one, blocks('x'), END]
    assert.throws(bad(...parts), /attributes that are none/, pax)
  }
})
