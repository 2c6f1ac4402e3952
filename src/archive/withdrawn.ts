import { entryAddress, type EntryAddress } from './entry-path.ts'
import { ArchiveError } from './error.ts'

/**
 * The entry, last in an archive that has one, that takes back earlier entries: a JSON list of their paths. They are objects that
 * were deleted while a backup was made whose version expired. Velero passes it over, and restores them (docs/format.md).
 */
export const withdrawnPath = 'metadata/withdrawn.json'

/** The bytes of that entry. */
export function encodeWithdrawn(paths: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify(paths))
}

/** What that entry takes back. 'corrupt' when it is no list of paths. */
export function withdrawnEntries(body: Buffer): EntryAddress[] {
  const addresses = listIn(body).map((path) => (typeof path === 'string' ? entryAddress(path) : undefined))
  const known = addresses.filter((address) => address !== undefined)
  if (known.length === addresses.length) return known
  throw damaged('it names something that is no entry')
}

function listIn(body: Buffer): unknown[] {
  try {
    const value: unknown = JSON.parse(body.toString())
    if (Array.isArray(value)) return value
  } catch (error) {
    throw damaged('it is no JSON', error)
  }
  throw damaged('it is no list')
}

function damaged(what: string, cause?: unknown): ArchiveError {
  return new ArchiveError('corrupt', `${withdrawnPath} in the archive is damaged: ${what}; use another backup`, {
    cause,
  })
}
