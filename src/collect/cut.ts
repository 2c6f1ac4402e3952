// collect/ reads a cluster as it was at one moment and gives the objects a backup takes, one after another. It must never know
// where they go. What belongs to an object is told by the caller, for it is knowledge about kinds.
import { readAggregated } from '#kube/aggregated.ts'
import { pagesAt } from '#kube/at-version.ts'
import type { Discovery, KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { Namespaces, type KubeObject, type ServedType } from '#kube/object.ts'
import { CollectError, type Refusal } from './error.ts'

/** The moment a backup shows, and what the cluster was then. */
export interface Cut {
  /** Every list is read at this version. Empty when even Namespaces may not be listed: then `refusals` says so and no list will do. */
  readonly resourceVersion: string
  readonly types: readonly ServedType[]
  /** Group-versions that could not be discovered. */
  readonly failures: Discovery['failures']
  /** All namespaces at the cut: name, labels, annotations and phase, nothing else. */
  readonly namespaces: readonly KubeObject[]
  /** Group-versions that extension API servers answer: they have versions of their own. */
  readonly aggregated: ReadonlySet<string>
  readonly refusals: readonly Refusal[]
}

interface CutOptions {
  /** Where the cut is, if it can still be had; of a moment ago. */
  readonly version?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** Chooses the cut: the version of a fresh list of Namespaces, taken after discovery so that no type is newer than it, unless a version is given. Rejects with KubeError. */
export async function readCut(kube: KubeClient, options: CutOptions = {}): Promise<Cut> {
  const [{ types, failures }, aggregated] = await Promise.all([kube.discover(options), aggregatedTypes(kube, options)])
  const facts = { types, failures, aggregated }
  try {
    return { ...facts, ...(await readNamespaces(kube, options)), refusals: [] }
  } catch (error) {
    if (!isForbidden(error)) throw error
    return { ...facts, resourceVersion: '', namespaces: [], refusals: [{ type: Namespaces, namespace: undefined }] }
  }
}

/** Whether the API server said no to who asks. */
export function isForbidden(error: unknown): boolean {
  return error instanceof KubeError && error.problem === 'forbidden'
}

async function readNamespaces(
  kube: KubeClient,
  options: CutOptions,
): Promise<Pick<Cut, 'resourceVersion' | 'namespaces'>> {
  const found: KubeObject[] = []
  let resourceVersion: string | undefined
  for await (const page of pagesAt(kube, Namespaces, { version: undefined, ...options })) {
    resourceVersion ??= page.resourceVersion
    for (const namespace of page.items) found.push(outline(namespace))
  }
  if (resourceVersion === undefined) throw new CollectError('cluster', `${kube.server} gave no list of namespaces`)
  return { resourceVersion, namespaces: found }
}

/** There may be many namespaces, and they are kept all the time. */
function outline({ apiVersion, kind, metadata, ...rest }: KubeObject): KubeObject {
  const { name, labels, annotations, deletionTimestamp } = metadata
  return { apiVersion, kind, metadata: { name, labels, annotations, deletionTimestamp }, status: rest['status'] }
}

/** Without permission to ask, nothing is known to be aggregated; an extension server then shows by the version it answers with. */
async function aggregatedTypes(kube: KubeClient, options: CutOptions): Promise<ReadonlySet<string>> {
  return (await readAggregated(kube, options)) ?? new Set()
}
