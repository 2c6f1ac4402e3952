import type { KubeObject } from '#kube/object.ts'

/** One file of an archive. */
export interface ArchivedEntry {
  /** `pods`, `deployments.apps`. */
  readonly resource: string
  /** Undefined for cluster-scoped objects. */
  readonly namespace: string | undefined
  readonly name: string
  /** Version of the folder the entry is in; undefined for the unversioned path. */
  readonly version: string | undefined
  /** True in a `<version>-preferredversion` folder. */
  readonly preferred: boolean
  readonly path: string
  /** Bytes of JSON. */
  readonly size: number
}

/** A version folder of one resource. */
export interface ArchivedVersion {
  readonly version: string
  readonly preferred: boolean
}

export interface ArchiveLimits {
  /** Most bytes one entry may have. */
  readonly entryBytes: number
  /** Most bytes the uncompressed archive may have. */
  readonly totalBytes: number
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
  /** Number of entries on unversioned paths. */
  readonly count: number
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
  /** The entry's exact bytes. */
  readBytes(entry: ArchivedEntry): Promise<Uint8Array>
}

/** Reads all of a `.tar.gz` and rejects with `ArchiveError` if any of it is damaged, hostile or beyond the limits; then nothing is left on disk. */
export declare function openArchive(bytes: AsyncIterable<Uint8Array>, options: OpenArchiveOptions): Promise<OpenArchive>
