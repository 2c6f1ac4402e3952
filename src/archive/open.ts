import { hash } from 'node:crypto'
import type { KubeObject } from '#kube/object.ts'
import { ArchiveIndex } from './archive-index.ts'
import type { ArchivedEntry, ArchivedVersion } from './archive-index.ts'
import { entryAddress, safePath } from './entry-path.ts'
import { ArchiveError } from './error.ts'
import { gunzip } from './gzip.ts'
import { withdrawnEntries, withdrawnPath } from './withdrawn.ts'
import { openSpool } from './spool.ts'
import type { Spool } from './spool.ts'
import { type TarEntry, type TarHeader, tarReader } from './tar-reader.ts'

export type { ArchivedEntry, ArchivedVersion } from './archive-index.ts'

/** How much of a stranger's archive is taken before it is refused. */
export interface ArchiveLimits {
  /** Most bytes one entry may have; default 64 MiB, where an API server takes about 1.5 MiB. */
  readonly entryBytes: number
  /** Most bytes the uncompressed archive may have; default 64 GiB. */
  readonly totalBytes: number
  /** Most entries, both copies of an object counted; default 10 million. */
  readonly entries: number
}

export interface OpenArchiveOptions {
  /** Folder for the one temporary file, which has no name while it is in use, so nothing can be left behind. */
  readonly spoolDir: string
  /** Turns an entry's text into a value without losing number precision (kube/json.ts). */
  readonly parse: (text: string) => unknown
  readonly signal?: AbortSignal | undefined
  readonly limits?: Partial<ArchiveLimits> | undefined
}

/** A whole archive, read and checked once, then readable in any order. Dispose frees the disk space. */
export interface OpenArchive extends AsyncDisposable {
  /** Content of `metadata/version`; undefined when the archive has none. */
  readonly formatVersion: string | undefined
  /** Number of entries, on unversioned paths and in version folders, and of those that were withdrawn again. */
  readonly total: number
  /** Resources with entries on unversioned paths, in archive order. Empty for a backup of nothing. */
  resources(): string[]
  /** The version folders of `resource`, in archive order. */
  versionsOf(resource: string): ArchivedVersion[]
  /** Entries of `resource` on unversioned paths, or with `version` those of that version's folder. */
  entriesOf(resource: string, version?: ArchivedVersion): Iterable<ArchivedEntry>
  /** All entries on unversioned paths: what a restore reads (spec/object-store §4.1). */
  entries(): Iterable<ArchivedEntry>
  /** All entries in version folders. */
  versionedEntries(): Iterable<ArchivedEntry>
  find(path: string): ArchivedEntry | undefined
  /** 'invalid-object' when the entry is no JSON object with apiVersion, kind and metadata.name. */
  read(entry: ArchivedEntry): Promise<KubeObject>
  /** SHA-256 in hex of the entry's bytes, as they came in the archive. */
  sha256(entry: ArchivedEntry): string
  /** The entry's exact bytes, not to be changed. */
  readBytes(entry: ArchivedEntry): Promise<Uint8Array>
}

const defaultLimits: ArchiveLimits = { entryBytes: 64 * 2 ** 20, totalBytes: 64 * 2 ** 30, entries: 10_000_000 }

/** Reads all of a `.tar.gz` and rejects with `ArchiveError` if any of it is damaged, hostile or beyond the limits; then nothing is left on disk. */
export async function openArchive(bytes: AsyncIterable<Uint8Array>, options: OpenArchiveOptions): Promise<OpenArchive> {
  options.signal?.throwIfAborted()
  const spool = await openSpool(options.spoolDir)
  try {
    const content = await readContent(bytes, { ...options, spool })
    return new SpooledArchive({ ...content, spool, parse: options.parse })
  } catch (error) {
    await spool[Symbol.asyncDispose]()
    throw options.signal?.aborted === true ? options.signal.reason : error
  }
}

interface Content {
  readonly index: ArchiveIndex
  readonly formatVersion: string | undefined
}

async function readContent(
  bytes: AsyncIterable<Uint8Array>,
  options: OpenArchiveOptions & { spool: Spool },
): Promise<Content> {
  const { spool } = options
  const limits = { ...defaultLimits, ...options.limits }
  const index = new ArchiveIndex()
  let formatVersion: string | undefined
  const nothing = Buffer.alloc(0)
  let last: { position: number; bytes: Buffer; sha256: Buffer } = {
    position: 0,
    bytes: nothing,
    sha256: sha256Of(nothing),
  }
  for await (const { header, body } of files(bytes, { limits, signal: options.signal })) {
    const { path } = header
    if (path === 'metadata/version') formatVersion = supportedVersion(body.toString())
    if (path === withdrawnPath) for (const address of withdrawnEntries(body)) index.remove(address)
    const address = entryAddress(path)
    if (address === undefined) continue
    // Velero writes most objects twice in a row; one copy on disk is enough.
    if (!body.equals(last.bytes)) {
      last = { position: spool.size, bytes: body, sha256: sha256Of(body) }
      await spool.append(body)
    }
    index.add(address, { position: last.position, size: body.length, sha256: last.sha256 })
  }
  return { index, formatVersion }
}

function sha256Of(bytes: Buffer): Buffer {
  return hash('sha256', bytes, 'buffer')
}

function supportedVersion(text: string): string {
  const version = text.trim()
  if (/^1(\.\d+)*$/.test(version)) return version
  throw new ArchiveError(
    'unsupported',
    `the archive has format version ${JSON.stringify(version.slice(0, 40))} and this program reads 1.x; use a newer program`,
  )
}

interface TarContext {
  readonly limits: ArchiveLimits
  readonly signal: AbortSignal | undefined
}

/** The regular files of a `.tar.gz`, each whole. */
async function* files(bytes: AsyncIterable<Uint8Array>, { limits, signal }: TarContext): AsyncGenerator<TarEntry> {
  let count = 0
  const tar = tarReader((header) => {
    if (++count > limits.entries) throw tooLarge(`it has more than ${limits.entries} entries`)
    const safe = { ...header, path: safePath(header.path) }
    return isFile(safe, limits) ? safe : undefined
  })
  for await (const chunk of limited(gunzip(bytes, { name: 'the archive', signal }), limits)) {
    yield* tar.read(chunk)
  }
  tar.end()
}

async function* limited(bytes: AsyncIterable<Buffer>, { totalBytes }: ArchiveLimits): AsyncGenerator<Buffer> {
  let total = 0
  for await (const chunk of bytes) {
    total += chunk.length
    if (total > totalBytes) throw tooLarge(`it unpacks to more than ${totalBytes} bytes`)
    yield chunk
  }
}

function tooLarge(what: string): ArchiveError {
  return new ArchiveError('too-large', `the archive is refused: ${what}; if it is genuine, raise the limit`)
}

function isFile({ path, type, size }: TarHeader, { entryBytes }: ArchiveLimits): boolean {
  if (type === 'directory') return false
  if (type !== 'file') {
    throw new ArchiveError(
      'unsafe-entry',
      `the archive has a ${type} where only files belong: ${JSON.stringify(path)}; nothing of it is used, find out who made it`,
    )
  }
  if (size > entryBytes) {
    throw tooLarge(`its entry ${JSON.stringify(path)} has ${size} bytes and the limit is ${entryBytes}`)
  }
  return true
}

class SpooledArchive implements OpenArchive {
  readonly formatVersion: string | undefined
  readonly #index: ArchiveIndex
  readonly #spool: Spool
  readonly #parse: (text: string) => unknown

  constructor({ index, formatVersion, spool, parse }: Content & { spool: Spool; parse: (text: string) => unknown }) {
    this.formatVersion = formatVersion
    this.#index = index
    this.#spool = spool
    this.#parse = parse
  }

  get total(): number {
    return this.#index.total
  }

  resources(): string[] {
    return this.#index.resources()
  }

  versionsOf(resource: string): ArchivedVersion[] {
    return this.#index.versionsOf(resource)
  }

  entriesOf(resource: string, version?: ArchivedVersion): Iterable<ArchivedEntry> {
    return this.#index.entriesOf(resource, version)
  }

  *entries(): Generator<ArchivedEntry> {
    for (const resource of this.resources()) yield* this.entriesOf(resource)
  }

  *versionedEntries(): Generator<ArchivedEntry> {
    yield* this.#index.versionedEntries()
  }

  find(path: string): ArchivedEntry | undefined {
    return this.#index.find(path)
  }

  sha256({ ordinal }: ArchivedEntry): string {
    return this.#index.sha256(ordinal)
  }

  async readBytes(entry: ArchivedEntry): Promise<Uint8Array> {
    const extent = this.#index.extent(entry.ordinal)
    if (extent === undefined)
      throw new ArchiveError('missing-entry', `the archive has no ${entry.path}; was it listed from another archive?`)
    return await this.#spool.read(extent.position, extent.size)
  }

  async read(entry: ArchivedEntry): Promise<KubeObject> {
    const text = Buffer.from(await this.readBytes(entry)).toString()
    try {
      const value = this.#parse(text)
      if (isKubeObject(value)) return value
    } catch (error) {
      throw invalidObject(entry, 'is no JSON', error)
    }
    throw invalidObject(entry, 'has no apiVersion, kind or metadata.name')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spool[Symbol.asyncDispose]()
  }
}

function invalidObject(entry: ArchivedEntry, what: string, cause?: unknown): ArchiveError {
  return new ArchiveError(
    'invalid-object',
    `${entry.path} in the archive ${what}; leave the object out, or use another backup`,
    { cause },
  )
}

function isKubeObject(value: unknown): value is KubeObject {
  if (typeof value !== 'object' || value === null) return false
  const { apiVersion, kind, metadata } = value as Partial<KubeObject>
  return typeof apiVersion === 'string' && typeof kind === 'string' && typeof metadata?.name === 'string'
}
