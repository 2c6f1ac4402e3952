import type { Item } from '#kube/object.ts'
import type { ManifestEntry } from './manifest.ts'

/** One object for the archive. `preferred`: its version is the group's preferred one, so it also gets the unversioned path. */
export interface PackItem {
  readonly item: Item
  readonly preferred: boolean
}

export interface PackOptions {
  /** Modification time of every entry. */
  readonly mtime: Date
  /** Called once per object, in order, before its bytes leave. */
  readonly onEntry?: ((entry: ManifestEntry) => void) | undefined
  /** Deflate level 1–9; docs/decisions/0006-tar-library.md says why the default is what it is. */
  readonly level?: number | undefined
}

/** The bytes of `<backup>.tar.gz` (spec/object-store §4). Pulls items only as fast as bytes are taken; an error of `items` comes out unchanged. */
export declare function packArchive(items: AsyncIterable<PackItem>, options: PackOptions): AsyncIterable<Uint8Array>
