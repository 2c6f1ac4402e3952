import { StoreError } from '#store/store.ts'

/** S3's limit, in UTF-8 bytes, for a whole key including the store's prefix. */
export const longestKey = 1024

/** Names that the drivers keep for their own files; no key may have such a segment. */
export const reservedSegment = '.lifeboat-'

// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const controlCharacter = /[\u0000-\u001f\u007f]/

/** Why `key` cannot name an object in any store; undefined when it can. What only one driver refuses is not asked here. */
export function keyProblem(key: string): string | undefined {
  if (key === '') return 'it is empty'
  if (!key.isWellFormed()) return 'it holds half of a surrogate pair'
  if (controlCharacter.test(key)) return 'it holds a control character'
  if (Buffer.byteLength(key) > longestKey) return `it is longer than ${longestKey} bytes`
  for (const segment of key.split('/')) {
    if (segment === '') return 'it has an empty segment'
    if (segment === '.' || segment === '..') return `it has the segment "${segment}"`
    if (segment.startsWith(reservedSegment)) return `names that start with "${reservedSegment}" are reserved`
  }
  return undefined
}

/** Throws 'invalid' for a key that cannot name an object. */
export function checkKey(key: string): void {
  const problem = keyProblem(key)
  if (problem === undefined) return
  throw new StoreError('invalid', `${JSON.stringify(key)} cannot be the key of an object: ${problem}`)
}

/** Throws 'invalid' for anything but the empty prefix and the prefixes that end with `/`. */
export function checkPrefix(prefix: string): void {
  if (prefix === '') return
  if (prefix.endsWith('/')) return checkKey(prefix.slice(0, -1))
  throw new StoreError('invalid', `${JSON.stringify(prefix)} cannot be a prefix: it does not end with "/"`)
}

/** Orders keys by their UTF-8 bytes, as S3 lists them; JavaScript's own order differs beyond U+FFFF. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** A store's prefix without slashes around it (spec/object-store §1): `/a/b/` → `a/b/`, `/` → ``. Throws 'invalid' when no key could follow it. */
export function cleanPrefix(prefix: string): string {
  const trimmed = prefix.replace(/^\/+|\/+$/g, '')
  if (trimmed === '') return ''
  checkKey(trimmed)
  return `${trimmed}/`
}
