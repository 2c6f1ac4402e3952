import { entryAddress, entryPath } from './entry-path.ts'
import type { ManifestEntry, ManifestReader } from './manifest.ts'
import type { ArchivedEntry, OpenArchive } from './open.ts'

/** One way in which archive and manifest disagree. `missing`: in the manifest only. `extra`: in the archive only. */
export interface ManifestDifference {
  readonly path: string
  readonly problem: 'missing' | 'extra' | 'changed'
}

/** What a comparison found; `objects` counts the lines of the manifest. */
export interface Verification {
  readonly objects: number
  readonly differences: readonly ManifestDifference[]
}

/** Compares every object of the archive with the manifest, both copies, both ways. Rejects only when one of them cannot be read. */
export async function verifyArchive(
  archive: OpenArchive,
  manifest: ManifestReader,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<Verification> {
  const seen = new Uint8Array(archive.total)
  // A path whose object changed while it was backed up has several lines, of which the last one counts.
  const problems = new Map<string, ManifestDifference['problem']>()
  let objects = 0
  for await (const entry of manifest.entries) {
    signal?.throwIfAborted()
    objects += 1
    for (const path of pathsOf(entry)) {
      const found = archive.find(path)
      if (found !== undefined) seen[found.ordinal] = 1
      if (found !== undefined && isSame(archive, found, entry)) problems.delete(path)
      else problems.set(path, found === undefined ? 'missing' : 'changed')
    }
  }
  for (const views of [archive.entries(), archive.versionedEntries()]) {
    for (const { path, ordinal } of views) if (seen[ordinal] === 0) problems.set(path, 'extra')
  }
  const { withdrawn = [] } = await manifest.trailer()
  for (const path of withdrawn) if (problems.get(path) === 'missing') problems.delete(path)
  return { objects, differences: [...problems].map(([path, problem]) => ({ path, problem })) }
}

function pathsOf({ path, version }: ManifestEntry): string[] {
  const address = entryAddress(path)
  if (address === undefined || address.version !== undefined) return [path]
  return [path, entryPath({ ...address, version, preferred: true })]
}

function isSame(archive: OpenArchive, found: ArchivedEntry, { size, sha256 }: ManifestEntry): boolean {
  return found.size === size && archive.sha256(found) === sha256
}
