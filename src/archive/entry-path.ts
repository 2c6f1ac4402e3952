import { ArchiveError } from './error.ts'

/** Where an object is in an archive. */
export interface EntryAddress {
  /** `pods`, `deployments.apps`. */
  readonly resource: string
  readonly namespace: string | undefined
  readonly name: string
  /** Undefined on the unversioned path. */
  readonly version: string | undefined
  readonly preferred: boolean
}

const preferredSuffix = '-preferredversion'

/** The path of an object (spec/object-store §4). 'unsafe-entry' when a part could lead out of its folder. */
export function entryPath(address: EntryAddress): string {
  const folder = address.version === undefined ? '' : `${address.version}${address.preferred ? preferredSuffix : ''}/`
  const scope = address.namespace === undefined ? 'cluster' : `namespaces/${address.namespace}`
  for (const part of [address.resource, address.namespace, address.name, address.version]) {
    if (part !== undefined && !isSafePart(part)) throw unsafePart(address, part)
  }
  return `resources/${address.resource}/${folder}${scope}/${address.name}.json`
}

function unsafePart(address: EntryAddress, part: string): ArchiveError {
  return new ArchiveError(
    'unsafe-entry',
    `${address.resource} ${JSON.stringify(address.name)} cannot be archived: ${JSON.stringify(part)} is no file name; exclude the object from the backup`,
  )
}

function isSafePart(part: string): boolean {
  return part !== '' && part !== '.' && part !== '..' && !part.includes('/') && !part.includes('\0')
}

/** The address in a path of `resources/`; undefined for anything a reader ignores (spec/object-store §4.1). */
export function entryAddress(path: string): EntryAddress | undefined {
  const parts = path.split('/')
  const file = parts.pop()
  if (parts[0] !== 'resources' || file === undefined || !file.endsWith('.json') || file.length === 5) return undefined
  const resource = parts[1]
  if (resource === undefined || resource === '') return undefined
  const scope = scopeOf(parts.slice(2))
  return scope === undefined ? undefined : { resource, name: file.slice(0, -5), ...scope }
}

type Scope = Pick<EntryAddress, 'namespace' | 'version' | 'preferred'>

function scopeOf(folders: string[]): Scope | undefined {
  const first = folders[0]
  // `cluster` and `namespaces` directly below the resource are never version folders.
  if (first !== 'cluster' && first !== 'namespaces' && folders.length > 1) {
    const inner = scopeOf(folders.slice(1))
    if (first === undefined || first === '' || inner === undefined || inner.version !== undefined) return undefined
    const preferred = first.endsWith(preferredSuffix)
    return { ...inner, version: preferred ? first.slice(0, -preferredSuffix.length) : first, preferred }
  }
  if (first === 'cluster' && folders.length === 1) return { namespace: undefined, version: undefined, preferred: false }
  if (first === 'namespaces' && folders.length === 2 && folders[1] !== '') {
    return { namespace: folders[1], version: undefined, preferred: false }
  }
  return undefined
}

/** The path without leading `./`, or 'unsafe-entry' when extracting it could touch anything outside the folder it is extracted to. */
export function safePath(path: string): string {
  const plain = path.replace(/^(\.\/+)+/, '')
  const unsafe =
    plain === '' ||
    plain.startsWith('/') ||
    plain.includes('\0') ||
    plain.includes('\\') ||
    plain.split('/').includes('..')
  if (unsafe) {
    throw new ArchiveError(
      'unsafe-entry',
      `the archive has an entry that leads out of its folder: ${JSON.stringify(path)}; nothing of it is used, find out who made it`,
    )
  }
  return plain
}
