import { CustomResourceDefinitions } from '#api/crd.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import { backedUpTypes, fillPrefix, isMadeByControllers, listPath } from './bench-cluster.ts'

/** One create: where to, and JSON. */
export interface PreparedObject {
  path: string
  body: string
}

/**
 * The objects of a filling, with what controllers made of it, ready to be created elsewhere: namespaces and definitions first, then all
 * others. What every namespace gets by itself is left out.
 */
export async function preparedObjects(kube: KubeClient, signal: AbortSignal): Promise<PreparedObject[][]> {
  const first: PreparedObject[] = []
  const others: PreparedObject[] = []
  await eachFilled(kube, signal, (type, object) => {
    const group = foundations.has(resourceName(type)) ? first : others
    group.push({ path: createPath(type, object), body: JSON.stringify(bare(object)) })
  })
  return [first, others]
}

/** How many objects of a filling a cluster has, without those of controllers, which may be about to replace them. */
export async function countFilled(kube: KubeClient, signal: AbortSignal): Promise<number> {
  let count = 0
  await eachFilled(kube, signal, (type) => {
    if (!isMadeByControllers(type)) count += 1
  })
  return count
}

const foundations = new Set(['namespaces', resourceName(CustomResourceDefinitions)])

/** Goes through the objects of a filling and what controllers made of them, namespaces and the definition too. */
export async function eachFilled(
  kube: KubeClient,
  signal: AbortSignal,
  take: (type: ResourceType, object: KubeObject) => void,
): Promise<void> {
  const types: ResourceType[] = [...(await backedUpTypes(kube, signal))]
  // A backup takes definitions because of their objects, and does not list them.
  const definitions: ResourceType = CustomResourceDefinitions
  if (types.every((type) => resourceName(type) !== resourceName(definitions))) types.push(definitions)
  for (const type of types) {
    for await (const { items } of kube.pages(type, { signal })) {
      for (const object of items) if (isFilled(type, object)) take(type, object)
    }
  }
}

function isFilled(type: ResourceType, { metadata: { name, namespace } }: KubeObject): boolean {
  // No restore brings back what happened in another cluster.
  if (type.plural === 'events') return false
  if (namespace === undefined) return name.startsWith(`${fillPrefix}-`) || name === 'boats.bench.example.com'
  if (!namespace.startsWith(`${fillPrefix}-`)) return false
  return !(type.plural === 'serviceaccounts' && name === 'default') && name !== 'kube-root-ca.crt'
}

function createPath(type: ResourceType, { metadata: { namespace } }: KubeObject): string {
  if (namespace === undefined) return listPath(type)
  return listPath(type).replace(/\/[^/]+$/, `/namespaces/${namespace}/${type.plural}`)
}

/** Without what belongs to the cluster it was read from. */
function bare({ metadata, status: _status, ...rest }: KubeObject): object {
  const { name, namespace, labels, annotations } = metadata
  return { ...rest, metadata: { name, namespace, labels, annotations } }
}
