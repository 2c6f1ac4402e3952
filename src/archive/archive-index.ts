import type { EntryAddress } from './entry-path.ts'
import { entryAddress, entryPath } from './entry-path.ts'

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
  /** Number of the entry in its archive, from 0 to `total`. */
  readonly ordinal: number
}

/** A version folder of one resource. */
export interface ArchivedVersion {
  readonly version: string
  readonly preferred: boolean
}

/** Where the bytes of an entry are. */
export interface Extent {
  readonly position: number
  readonly size: number
}

/** Bytes of a SHA-256. */
const DIGEST = 32

interface View {
  readonly resource: string
  readonly version: string | undefined
  readonly preferred: boolean
  /** Namespace ('' for none) → name → ordinal. */
  readonly folders: Map<string, Map<string, number>>
}

/** What is in an archive, at some 130 bytes an entry: entries are made when they are asked for. */
export class ArchiveIndex {
  /** Resource → version folder ('' for none) → view. */
  readonly #views = new Map<string, Map<string, View>>()
  readonly #positions: number[] = []
  readonly #sizes: number[] = []
  /** SHA-256 of every entry, one behind the other, with room for more. */
  #digests = Buffer.allocUnsafeSlow(256 * DIGEST)
  #lastName = ''

  /** One more than the highest number of an entry. */
  get total(): number {
    return this.#sizes.length
  }

  /** A path that comes again replaces the earlier one, as extraction would. `sha256` are the 32 bytes. */
  add(address: EntryAddress, extent: Extent & { readonly sha256: Buffer }): void {
    const names = this.#folder(address)
    const ordinal = names.get(address.name) ?? this.total
    this.#positions[ordinal] = extent.position
    this.#sizes[ordinal] = extent.size
    this.#noteDigest(ordinal, extent.sha256)
    names.set(this.#own(address.name), ordinal)
  }

  /** Takes an entry out again, as if it had never been added; its number stays unused. */
  remove({ resource, namespace = '', name, version, preferred }: EntryAddress): void {
    const view = this.#views.get(resource)?.get(viewKey({ version, preferred }))
    view?.folders.get(namespace)?.delete(name)
  }

  resources(): string[] {
    return [...this.#views.entries()].filter(([, views]) => views.has('')).map(([resource]) => resource)
  }

  versionsOf(resource: string): ArchivedVersion[] {
    const versions: ArchivedVersion[] = []
    for (const { version, preferred } of this.#views.get(resource)?.values() ?? []) {
      if (version !== undefined) versions.push({ version, preferred })
    }
    return versions
  }

  *entriesOf(resource: string, version?: ArchivedVersion): Generator<ArchivedEntry> {
    const view = this.#views.get(resource)?.get(viewKey(version))
    for (const [namespace, names] of view?.folders ?? []) {
      for (const [name, ordinal] of names) {
        yield this.#entry({ ...view!, namespace: namespace === '' ? undefined : namespace, name }, ordinal)
      }
    }
  }

  *versionedEntries(): Generator<ArchivedEntry> {
    for (const resource of this.#views.keys()) {
      for (const version of this.versionsOf(resource)) yield* this.entriesOf(resource, version)
    }
  }

  find(path: string): ArchivedEntry | undefined {
    const address = entryAddress(path)
    if (address === undefined) return undefined
    const view = this.#views.get(address.resource)?.get(viewKey(address))
    const ordinal = view?.folders.get(address.namespace ?? '')?.get(address.name)
    return ordinal === undefined ? undefined : this.#entry(address, ordinal)
  }

  extent(ordinal: number): Extent | undefined {
    const position = this.#positions[ordinal]
    const size = this.#sizes[ordinal]
    return position === undefined || size === undefined ? undefined : { position, size }
  }

  /** In hex. */
  sha256(ordinal: number): string {
    return this.#digests.toString('hex', ordinal * DIGEST, (ordinal + 1) * DIGEST)
  }

  #noteDigest(ordinal: number, sha256: Buffer): void {
    if ((ordinal + 1) * DIGEST > this.#digests.length) {
      this.#digests = Buffer.from(this.#digests.buffer.transfer(this.#digests.length * 2))
    }
    sha256.copy(this.#digests, ordinal * DIGEST)
  }

  #entry({ resource, namespace, name, version, preferred }: EntryAddress, ordinal: number): ArchivedEntry {
    const path = entryPath({ resource, namespace, name, version, preferred })
    return { resource, namespace, name, version, preferred, path, size: this.#sizes[ordinal]!, ordinal }
  }

  #folder({ resource, namespace = '', version, preferred }: EntryAddress): Map<string, number> {
    const views = this.#views.get(resource) ?? new Map<string, View>()
    this.#views.set(resource, views)
    const key = viewKey({ version, preferred })
    const view: View = views.get(key) ?? { resource, version, preferred, folders: new Map() }
    views.set(key, view)
    const names = view.folders.get(namespace) ?? new Map<string, number>()
    view.folders.set(namespace, names)
    return names
  }

  // A name cut out of its path would keep the whole path in memory, and the two copies of an object share one name.
  #own(name: string): string {
    if (name !== this.#lastName) this.#lastName = Buffer.from(name).toString()
    return this.#lastName
  }
}

function viewKey(folder: { version: string | undefined; preferred: boolean } | undefined): string {
  return folder?.version === undefined ? '' : `${folder.preferred ? '+' : '-'}${folder.version}`
}
