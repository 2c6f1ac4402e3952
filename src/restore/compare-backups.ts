import { entryAddress } from '#archive/entry-path.ts'
import { openManifest } from '#archive/manifest.ts'
import type { OpenArchive } from '#archive/open.ts'
import {
  type ComparedAddress,
  type Comparison,
  type ComparisonFilter,
  type ObjectDifference,
  addressFilter,
  compareObjects,
} from './comparison.ts'

/** One backup of a comparison. Both are asked for at most once. */
export interface ComparedBackup {
  /** Undefined when the backup has none. */
  manifest(): Promise<AsyncIterable<Uint8Array> | undefined>
  archive(): Promise<OpenArchive>
}

export interface CompareOptions extends ComparisonFilter {
  signal?: AbortSignal | undefined
}

/**
 * Compares two backups object by object. Where both have a manifest its hashes say what is the same, and an archive is opened
 * only to look into what is not. Rejects with ArchiveError.
 */
export function compareBackups(left: ComparedBackup, right: ComparedBackup, options: CompareOptions): Comparison {
  const counts = { compared: 0, equal: 0 }
  return { differences: differences(left, right, { ...options, counts }), counts, findings: [] }
}

interface Comparing extends CompareOptions {
  counts: Comparison['counts']
}

/** Path → sha256, or undefined where only the archive knows. */
type Contents = ReadonlyMap<string, string | undefined>

async function* differences(
  left: ComparedBackup,
  right: ComparedBackup,
  comparing: Comparing,
): AsyncGenerator<ObjectDifference, void, void> {
  const { counts, signal, selector } = comparing
  const [ours, theirs] = [opened(left), opened(right)]
  const wanted = addressFilter(comparing)
  const [before, after] = [await ours.contents(signal), await theirs.contents(signal)]
  for (const path of new Set([...before.keys(), ...after.keys()])) {
    signal?.throwIfAborted()
    const address = entryAddress(path)
    if (address === undefined || !wanted(address)) continue
    const result = await compareAt(path, { address, before, after, ours, theirs, selector })
    if (result === 'unwanted') continue
    counts.compared += 1
    if (result === 'equal') counts.equal += 1
    else yield result
  }
}

interface At extends Pick<ComparisonFilter, 'selector'> {
  address: ComparedAddress
  before: Contents
  after: Contents
  ours: Opened
  theirs: Opened
}

async function compareAt(
  path: string,
  { address, before, after, ours, theirs, selector }: At,
): Promise<ReturnType<typeof compareObjects>> {
  const [here, there] = [before.has(path), after.has(path)]
  const hash = before.get(path)
  if (selector === undefined) {
    const { resource, namespace, name } = address
    if (!there) return { resource, namespace, name, side: 'left-only', changes: [] }
    if (!here) return { resource, namespace, name, side: 'right-only', changes: [] }
    if (hash !== undefined && hash === after.get(path)) return 'equal'
  }
  const left = here ? await ours.read(path) : undefined
  const right = there ? await theirs.read(path) : undefined
  return compareObjects(address, { left, right }, { selector })
}

type Opened = ReturnType<typeof opened>

function opened(backup: ComparedBackup) {
  let archive: Promise<OpenArchive> | undefined
  const open = (): Promise<OpenArchive> => (archive ??= backup.archive())
  return {
    async contents(signal: AbortSignal | undefined): Promise<Contents> {
      const manifest = await backup.manifest()
      if (manifest !== undefined) return await hashes(manifest, signal)
      return new Map([...(await open()).entries()].map(({ path }) => [path, undefined]))
    },
    async read(path: string) {
      const whole = await open()
      const entry = whole.find(path)
      return entry && (await whole.read(entry))
    },
  }
}

async function hashes(manifest: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): Promise<Contents> {
  const reader = await openManifest(manifest)
  const found = new Map<string, string>()
  for await (const { path, sha256 } of reader.entries) {
    signal?.throwIfAborted()
    if (entryAddress(path)?.version === undefined) found.set(path, sha256)
  }
  for (const path of (await reader.trailer()).withdrawn ?? []) found.delete(path)
  return found
}
