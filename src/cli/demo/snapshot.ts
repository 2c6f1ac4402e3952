import type { KubeClient } from '#kube/client.ts'
import { resourceName, type KubeObject, type ServedType } from '#kube/object.ts'
import { canonicalText, comparable } from './comparable.ts'

/** What a cluster holds of the shop: `deployments.apps shop/web` → the object in comparable form, as text. */
export type Snapshot = ReadonlyMap<string, string>

/** Types that controllers make out of others, or that tell of events: not part of what somebody would miss. */
const DERIVED = new Set([
  'endpoints',
  'endpointslices.discovery.k8s.io',
  'events',
  'events.events.k8s.io',
  'leases.coordination.k8s.io',
  'controllerrevisions.apps',
])

/** Reads every object in `namespace`, and the named cluster-scoped objects. */
export async function takeSnapshot(
  kube: KubeClient,
  options: { namespace: string; clusterScoped: readonly KubeObject[]; signal: AbortSignal },
): Promise<Snapshot> {
  const { types } = await kube.discover({ signal: options.signal })
  const listable = types.filter(
    (type) => type.preferred && type.verbs.includes('list') && type.verbs.includes('create'),
  )
  const entries = await Promise.all(listable.map((type) => entriesOf(kube, type, options)))
  return new Map(entries.flat().toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

type Options = Parameters<typeof takeSnapshot>[1]

async function entriesOf(
  kube: KubeClient,
  type: ServedType,
  { namespace, clusterScoped, signal }: Options,
): Promise<[string, string][]> {
  if (DERIVED.has(resourceName(type))) return []
  const entries: [string, string][] = []
  if (type.namespaced) {
    for await (const page of kube.pages(type, { namespace, signal })) {
      for (const item of page.items)
        entries.push([`${resourceName(type)} ${namespace}/${item.metadata.name}`, canonicalText(comparable(item))])
    }
    return entries
  }
  for (const wanted of clusterScoped.filter((object) => object.kind === type.kind)) {
    const found = await kube.find(type, wanted.metadata.name, { signal })
    if (found !== undefined)
      entries.push([`${resourceName(type)} ${wanted.metadata.name}`, canonicalText(comparable(found))])
  }
  return entries
}

/** How two snapshots differ, one line each; empty when they hold the same objects. */
export function snapshotDifferences(before: Snapshot, after: Snapshot): string[] {
  const lines = []
  for (const [name, text] of before) {
    const now = after.get(name)
    if (now === undefined) lines.push(`missing: ${name}`)
    else if (now !== text) lines.push(`changed: ${name}`)
  }
  for (const name of after.keys()) if (!before.has(name)) lines.push(`new: ${name}`)
  return lines
}
