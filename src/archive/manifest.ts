import { z } from 'zod'
import { ArchiveError } from './error.ts'
import { openGzSpool } from './gz-spool.ts'
import { gunzip } from './gzip.ts'
import { goJson } from './json-gz.ts'

/**
 * One object of a backup. The archive holds `size` bytes with `sha256` (hex) under `path`, and if `path` is unversioned also under
 * `<version>-preferredversion`. `later`: it was read after the cut, because a plug-in asked for that.
 */
export interface ManifestEntry {
  path: string
  version: string
  uid?: string | undefined
  resourceVersion?: string | undefined
  sha256: string
  size: number
  later?: true | undefined
}

/** Version of the manifest's own format. */
export const manifestFormatVersion = '1'

const header = z.object({ formatVersion: z.string(), backup: z.string(), createdBy: z.string() })

/** First line of a manifest. `createdBy` is program and version: `lifeboat/0.1.0`. */
export type ManifestHeader = z.output<typeof header>

const entry = z.object({
  path: z.string(),
  version: z.string(),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.int().nonnegative(),
  later: z.literal(true).optional(),
})

/**
 * How one type was read: `resource` as in `deployments.apps`; `resourceVersion` that of its list; `atCut` false when that is not the cut's, and then
 * `reason` says why. `replayed`: it was read at an earlier version, `from`, and brought to the cut by the changes since; so many objects changed. */
export type CutType = z.output<typeof cutType>

const cutType = z.object({
  resource: z.string(),
  version: z.string(),
  resourceVersion: z.string(),
  atCut: z.boolean(),
  reason: z.string().optional(),
  replayed: z.object({ from: z.string(), changes: z.int().nonnegative() }).optional(),
  objects: z.int().nonnegative(),
})

const cut = z.object({ resourceVersion: z.string(), types: z.array(cutType) })

/** The proof of consistency: the one resourceVersion, and for each type whether it was read at it. */
export type Cut = z.output<typeof cut>

const artifact = z.object({ name: z.string(), sha256: z.string(), size: z.int().nonnegative() })

/** A sibling file of the manifest, by file name. */
export type ManifestArtifact = z.output<typeof artifact>

const frozen = z.object({
  namespace: z.string(),
  name: z.string(),
  since: z.string(),
  seconds: z.number().nonnegative(),
})

/** A pod with hooks around the snapshots of its volumes: from the beginning of its first pre hook (RFC 3339) to the end of its last post hook. */
export type FrozenPod = z.output<typeof frozen>

const takenSnapshot = z.object({ namespace: z.string(), claim: z.string(), handle: z.string(), taken: z.string() })

/** A snapshot of a claim in the backup: what the storage calls it, and when the storage took it (RFC 3339). */
export type SnapshotTime = z.output<typeof takenSnapshot>

const trailer = z.object({
  cut,
  frozen: z.array(frozen).optional(),
  snapshots: z.array(takenSnapshot).optional(),
  artifacts: z.array(artifact),
  withdrawn: z.array(z.string()).optional(),
  objects: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
})

/**
 * Last line of a manifest, which makes it whole. `objects` counts the lines in between, `bytes` adds up their sizes; of lines with the same
 * path the last one counts. `withdrawn`: paths that do not count at all, since the archive takes them back (metadata/withdrawn.json).
 */
export type ManifestTrailer = z.output<typeof trailer>

/** Collects a manifest while the backup runs. */
export interface ManifestWriter extends AsyncDisposable {
  add(entry: ManifestEntry): void
  /** Ends the manifest with what is known only then. The bytes may be read more than once, until dispose. */
  finish(end: {
    cut: Cut
    frozen?: readonly FrozenPod[] | undefined
    snapshots?: readonly SnapshotTime[] | undefined
    artifacts: ManifestArtifact[]
    withdrawn?: string[] | undefined
  }): Promise<AsyncIterable<Uint8Array>>
}

/** A writer that compresses into a nameless temporary file in `spoolDir`, so memory does not grow. */
export async function createManifest(
  { backup, createdBy }: Omit<ManifestHeader, 'formatVersion'>,
  { spoolDir }: { spoolDir: string },
): Promise<ManifestWriter> {
  const spool = await openGzSpool(spoolDir)
  let objects = 0
  let bytes = 0
  spool.write(`${goJson({ formatVersion: manifestFormatVersion, backup, createdBy })}\n`)
  return {
    add({ path, version, uid, resourceVersion, sha256, size, later }) {
      objects += 1
      bytes += size
      spool.write(`${goJson({ path, version, uid, resourceVersion, sha256, size, later })}\n`)
    },
    async finish({ cut, frozen = [], snapshots = [], artifacts, withdrawn }) {
      const ofVolumes = {
        ...(frozen.length === 0 ? {} : { frozen }),
        ...(snapshots.length === 0 ? {} : { snapshots }),
      }
      spool.write(`${goJson({ cut, ...ofVolumes, artifacts, withdrawn, objects, bytes })}\n`)
      return await spool.finish()
    },
    async [Symbol.asyncDispose]() {
      await spool[Symbol.asyncDispose]()
    },
  }
}

/** A manifest being read, once, front to back. */
export interface ManifestReader {
  readonly header: ManifestHeader
  /** The objects, in archive order; at the end 'truncated' when the last line is missing or does not count the same. */
  readonly entries: AsyncIterable<ManifestEntry>
  /** Reads what is left and gives the last line. */
  trailer(): Promise<ManifestTrailer>
}

/** Reads the first line of a `-manifest.json.gz`; rejects with `ArchiveError`. */
export async function openManifest(bytes: AsyncIterable<Uint8Array>): Promise<ManifestReader> {
  const lines = linesOf(gunzip(bytes, { name: 'the manifest' }))
  const first = await lines.next()
  if (first.done === true)
    throw new ArchiveError('truncated', 'the manifest is empty; fetch it again, or do without it')
  let end: ManifestTrailer | undefined
  const entries = entriesOf(lines, (trailer) => {
    end = trailer
  })
  return {
    header: parseHeader(first.value),
    entries,
    async trailer() {
      while ((await entries.next()).done !== true);
      if (end === undefined) throw new ArchiveError('closed', 'the manifest was not read to its end; open it again')
      return end
    },
  }
}

async function* entriesOf(
  lines: AsyncIterable<string>,
  onTrailer: (trailer: ManifestTrailer) => void,
): AsyncGenerator<ManifestEntry> {
  let objects = 0
  let bytes = 0
  let end: ManifestTrailer | undefined
  for await (const line of lines) {
    if (end !== undefined)
      throw new ArchiveError('trailing-data', 'the manifest goes on after its last line; it is not to be trusted')
    const parsed = parseLine(line)
    if ('trailer' in parsed) {
      end = parsed.trailer
      continue
    }
    objects += 1
    bytes += parsed.entry.size
    yield parsed.entry
  }
  if (end?.objects !== objects || end.bytes !== bytes) {
    throw new ArchiveError(
      'truncated',
      `the manifest lacks lines (${objects} objects, and its last line does not say so); fetch it again, or do without it`,
    )
  }
  onTrailer(end)
}

const maxLine = 64 * 2 ** 20

async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of bytes) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop()!
    if (rest.length > maxLine)
      throw new ArchiveError(
        'too-large',
        `the manifest has a line of more than ${maxLine} characters; it is not to be trusted`,
      )
    yield* lines
  }
  if (rest !== '')
    throw new ArchiveError('truncated', 'the manifest ends in the middle of a line; fetch it again, or do without it')
}

// 'unsupported' when a newer program wrote it.
function parseHeader(line: string): ManifestHeader {
  const value = parsed(line, header, 'first')
  if (value.formatVersion === manifestFormatVersion) return value
  throw new ArchiveError(
    'unsupported',
    `the manifest has format version ${JSON.stringify(value.formatVersion)} and this program reads ${manifestFormatVersion}; use a newer program`,
  )
}

function parseLine(line: string): { entry: ManifestEntry } | { trailer: ManifestTrailer } {
  return line.startsWith('{"cut":')
    ? { trailer: parsed(line, trailer, 'last') }
    : { entry: parsed(line, entry, 'middle') }
}

function parsed<T>(line: string, schema: z.ZodType<T>, which: string): T {
  try {
    return schema.parse(JSON.parse(line))
  } catch (error) {
    throw new ArchiveError(
      'invalid-json',
      `the manifest has a ${which} line that is none: ${line.slice(0, 80)}; fetch it again, or do without it`,
      { cause: error },
    )
  }
}
