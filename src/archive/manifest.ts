import type { OpenArchive } from './open.ts'

/** One object of a backup. The archive holds `size` bytes with `sha256` (hex) under `path`, and if `path` is unversioned also under `<version>-preferredversion`. */
export interface ManifestEntry {
  path: string
  version: string
  uid?: string | undefined
  resourceVersion?: string | undefined
  sha256: string
  size: number
}

/** First line of a manifest. */
export interface ManifestHeader {
  formatVersion: string
  backup: string
  /** Program and version: `lifeboat/0.1.0`. */
  createdBy: string
}

/** How one type was read. */
export interface CutType {
  /** `deployments.apps`. */
  resource: string
  version: string
  /** The resourceVersion its list was read at; equals the cut's when the type is part of the cut. */
  resourceVersion: string
  /** False when the type could not be read at the cut's resourceVersion; `reason` says why. */
  atCut: boolean
  reason?: string | undefined
  objects: number
}

/** The proof of consistency. */
export interface Cut {
  resourceVersion: string
  types: CutType[]
}

/** A sibling file of the manifest, by file name. */
export interface ManifestArtifact {
  name: string
  sha256: string
  size: number
}

/** Last line of a manifest; a manifest without it is truncated. */
export interface ManifestTrailer {
  cut: Cut
  artifacts: ManifestArtifact[]
  objects: number
  bytes: number
}

/** Collects a manifest while the backup runs. */
export interface ManifestWriter extends AsyncDisposable {
  add(entry: ManifestEntry): void
  /** Ends the manifest; `objects` and `bytes` are counted here. The bytes may be read once or more, until dispose. */
  finish(end: { cut: Cut; artifacts: ManifestArtifact[] }): Promise<AsyncIterable<Uint8Array>>
}

/** Compressed into an unnamed temporary file in `spoolDir`, so memory does not grow. */
export declare function createManifest(header: Omit<ManifestHeader, 'formatVersion'>, options: { spoolDir: string }): Promise<ManifestWriter>

/** A manifest being read, once, front to back. */
export interface ManifestReader {
  readonly header: ManifestHeader
  readonly entries: AsyncIterable<ManifestEntry>
  /** Reads what is left and gives the last line; 'truncated' when there is none. */
  trailer(): Promise<ManifestTrailer>
}

export declare function openManifest(bytes: AsyncIterable<Uint8Array>): Promise<ManifestReader>

/** One way in which archive and manifest disagree. `missing`: in the manifest only. `extra`: in the archive only. */
export interface ManifestDifference {
  path: string
  problem: 'missing' | 'extra' | 'changed'
}

/** Compares every object of the archive with the manifest, both copies, both ways. */
export declare function verifyArchive(archive: OpenArchive, manifest: ManifestReader, options?: { signal?: AbortSignal | undefined }): Promise<{ objects: number; differences: ManifestDifference[] }>
