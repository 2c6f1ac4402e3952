import { hash } from 'node:crypto'
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
      const problem = found === undefined ? 'missing' : await changed(archive, found, entry)
      if (found !== undefined) seen[found.ordinal] = 1
      if (problem === undefined) problems.delete(path)
      else problems.set(path, problem)
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

async function changed(
  archive: OpenArchive,
  found: ArchivedEntry,
  entry: ManifestEntry,
): Promise<'changed' | undefined> {
  if (found.size !== entry.size) return 'changed'
  return hash('sha256', await archive.readBytes(found)) === entry.sha256 ? undefined : 'changed'
}
