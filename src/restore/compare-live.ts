import type { ArchivedEntry, OpenArchive } from '#archive/open.ts'
import { entryPath } from '#archive/entry-path.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { Namespaces, type KubeObject, type ServedType, apiVersionOf, resourceName } from '#kube/object.ts'
import { type BackupScope, compileBackupScope, namespaceSkipReason, skipReason } from '#selection/backup-scope.ts'
import type { BackupSource } from './backup-source.ts'
import {
  type Comparison,
  type ComparisonFilter,
  type ObjectDifference,
  addressFilter,
  compareObjects,
} from './comparison.ts'

export interface CompareLiveOptions extends ComparisonFilter {
  source: BackupSource
  kube: KubeClient
  signal?: AbortSignal | undefined
}

/**
 * Compares a backup (left) with the cluster as it is (right): with what the backup's own filters would take of it now. Of types
 * of which the backup does not hold all, only what it has is compared. Rejects with ArchiveError or KubeError.
 */
export function compareLive(options: CompareLiveOptions): Comparison {
  const counts = { compared: 0, equal: 0 }
  const findings: string[] = []
  return { differences: differences({ ...options, counts, findings }), counts, findings }
}

interface Comparing extends CompareLiveOptions {
  counts: Comparison['counts']
  findings: string[]
}

async function* differences(comparing: Comparing): AsyncGenerator<ObjectDifference, void, void> {
  const { source, kube, signal, counts } = comparing
  const { types } = await kube.discover({ signal })
  const namespaces = (await Array.fromAsync(kube.pages(Namespaces, { signal }))).flatMap(({ items }) => items)
  const scope = compileBackupScope(source.backup.spec, { types, namespaces })
  const wanted = addressFilter(comparing)
  const resources = new Set([...source.archive.resources(), ...source.listed])
  for (const resource of [...resources].toSorted()) {
    if (comparing.resources?.(resource) === false) continue
    for await (const result of ofResource(resource, { ...comparing, types, scope, wanted })) {
      if (result === 'unwanted') continue
      counts.compared += 1
      if (result === 'equal') counts.equal += 1
      else yield result
    }
  }
}

interface OfResource extends Comparing {
  types: readonly ServedType[]
  scope: BackupScope
  wanted: ReturnType<typeof addressFilter>
}

type Result = ReturnType<typeof compareObjects>

async function* ofResource(resource: string, looking: OfResource): AsyncGenerator<Result, void, void> {
  const { source, kube, types, wanted, signal, findings } = looking
  const seen = new Set<number>()
  const type = await typeLike(resource, source.archive, types)
  if (type !== undefined) {
    try {
      for await (const { items } of kube.pages(type, { signal })) {
        for (const right of items) yield* withLive(right, type, { ...looking, seen })
      }
    } catch (error) {
      if (!(error instanceof KubeError) || error.problem !== 'forbidden') throw error
      findings.push(`${resource} cannot be compared: ${error.message}`)
      return
    }
  }
  for (const entry of source.archive.entriesOf(resource)) {
    if (seen.has(entry.ordinal) || !wanted(entry)) continue
    yield compareObjects(entry, { left: await source.archive.read(entry), right: undefined }, looking)
  }
}

async function* withLive(
  right: KubeObject,
  type: ServedType,
  { source, scope, wanted, seen, ...looking }: OfResource & { seen: Set<number> },
): AsyncGenerator<Result, void, void> {
  const { name, namespace } = right.metadata
  const address = { resource: resourceName(type), namespace, name }
  if (!wanted(address)) return
  const entry = source.archive.find(entryPath({ ...address, version: undefined, preferred: false }))
  if (entry !== undefined) {
    seen.add(entry.ordinal)
    yield compareObjects(address, { left: await source.archive.read(entry), right }, looking)
  } else if (source.listed.has(address.resource) && wouldBeTaken(right, type, scope)) {
    yield compareObjects(address, { left: undefined, right }, looking)
  }
}

function wouldBeTaken(object: KubeObject, type: ServedType, scope: BackupScope): boolean {
  const { name, namespace } = object.metadata
  if (resourceName(type) === 'namespaces') return namespaceSkipReason(object, scope, false) === undefined
  return skipReason({ type, namespace, name, object }, scope) === undefined
}

/** The type in the version in which the backup has it, if that is still served, so that the fields are the same. */
async function typeLike(
  resource: string,
  archive: OpenArchive,
  types: readonly ServedType[],
): Promise<ServedType | undefined> {
  const served = types.filter((type) => resourceName(type) === resource && type.verbs.includes('list'))
  const [first]: Iterable<ArchivedEntry> & ArchivedEntry[] = [...archive.entriesOf(resource)].slice(0, 1)
  const version = first && (await archive.read(first)).apiVersion
  return served.find((type) => apiVersionOf(type) === version) ?? served.find(({ preferred }) => preferred)
}
