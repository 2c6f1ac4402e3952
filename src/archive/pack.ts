import { hash } from 'node:crypto'
import type { Item } from '#kube/object.ts'
import { metadataOf, resourceName } from '#kube/object.ts'
import { entryPath } from './entry-path.ts'
import { gzip } from './gzip.ts'
import type { ManifestEntry } from './manifest.ts'
import { tarWriter, type FileContent } from './tar-writer.ts'
import { encodeWithdrawn, withdrawnPath } from './withdrawn.ts'

/** One object for the archive. `preferred`: its version is the group's preferred one, so it also gets the unversioned path. */
export interface PackItem {
  readonly item: Item
  readonly preferred: boolean
  /** It was read after the cut. */
  readonly later?: boolean | undefined
}

/** Names an item that was packed. */
export type PackRef = Omit<Item, 'object'> & { readonly preferred: boolean }

export interface PackOptions {
  /** Modification time of every entry. */
  readonly mtime: Date
  /** Called once per object, in order, before its bytes leave. */
  readonly onEntry?: ((entry: ManifestEntry) => void) | undefined
  /** What of the items is to be taken back; asked for when they have ended. */
  readonly withdrawn?: (() => Iterable<PackRef>) | undefined
  /** Told of the paths that were taken back, if there are any. */
  readonly onWithdrawn?: ((paths: string[]) => void) | undefined
  /** Deflate level 1–9; docs/decisions/0006-tar-library.md says why the default is 3. */
  readonly level?: number | undefined
}

/** Content of `metadata/version`, and `status.formatVersion` of the backup. */
export const archiveFormatVersion = '1.1.0'

/** Each chunk is one trip to the thread pool. */
const chunkBytes = 256 * 1024

/** The bytes of `<backup>.tar.gz` (spec/object-store §4). Pulls items only as fast as bytes are taken; an error of `items` comes out unchanged. */
export function packArchive(items: AsyncIterable<PackItem>, options: PackOptions): AsyncIterable<Uint8Array> {
  return gzip(tarChunks(items, options), { level: options.level ?? 3 })
}

async function* tarChunks(
  items: AsyncIterable<PackItem>,
  { mtime, onEntry, withdrawn, onWithdrawn }: PackOptions,
): AsyncGenerator<Uint8Array> {
  const tar = tarWriter({ mtime: Math.max(0, Math.floor(mtime.getTime() / 1000)) })
  tar.add(['metadata/version'], fileOf(Buffer.from(`${archiveFormatVersion}\n`)))
  for await (const { item, preferred, later } of items) {
    const paths = pathsOf(item, preferred)
    const bytes = tar.add(paths, item.raw ?? fileOf(Buffer.from(JSON.stringify(item.object))))
    onEntry?.({ ...manifestEntry(item, paths[0]!, bytes), ...(later === true ? { later } : {}) })
    if (tar.size >= chunkBytes) yield tar.take()
  }
  const back = [...(withdrawn?.() ?? [])].flatMap(({ preferred, ...ref }) => pathsOf(ref, preferred))
  if (back.length > 0) {
    tar.add([withdrawnPath], fileOf(Buffer.from(encodeWithdrawn(back))))
    onWithdrawn?.(back)
  }
  tar.end()
  yield tar.take()
}

function fileOf(bytes: Buffer): FileContent {
  return { size: bytes.length, copyTo: (target, at) => void bytes.copy(target, at) }
}

function pathsOf({ type, namespace, name }: Omit<Item, 'object'>, preferred: boolean): string[] {
  const address = { resource: resourceName(type), namespace, name }
  const versioned = entryPath({ ...address, version: type.version, preferred })
  return preferred ? [entryPath({ ...address, version: undefined, preferred: false }), versioned] : [versioned]
}

function manifestEntry(item: Item, path: string, bytes: Uint8Array): ManifestEntry {
  const { uid, resourceVersion } = metadataOf(item)
  return { path, version: item.type.version, uid, resourceVersion, sha256: hash('sha256', bytes), size: bytes.length }
}
