/**
 * Whether resourceVersion `a` comes before `b`. Both must be of the same API server: there they are decimal numbers that grow (since
 * Kubernetes 1.35 by contract, before that in fact).
 */
export function isOlder(a: string, b: string): boolean {
  return a.length === b.length ? a < b : a.length < b.length
}

/** The latest of some versions; undefined of none. */
export function latest(versions: Iterable<string>): string | undefined {
  let found: string | undefined
  for (const version of versions) if (found === undefined || isOlder(found, version)) found = version
  return found
}
