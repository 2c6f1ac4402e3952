import type { KubeClient } from '#kube/client.ts'
import type { ResourceType } from '#kube/object.ts'
import { backedUpTypes, isMadeByControllers } from './bench-cluster.ts'
import { eachFilled } from './prepared-objects.ts'

/** What a drifted object has and no backup knows. */
const mark = 'bench.example.com/drift'
const EVERY = 10
const PARALLEL = 64

/** What no restore takes away from an object: ServiceAccounts are merged, since controllers write into them. */
const unfit = new Set(['namespaces', 'customresourcedefinitions', 'serviceaccounts'])

/** Changes every tenth object of a filling; gives how many. */
export async function drift(kube: KubeClient, signal: AbortSignal): Promise<number> {
  const chosen: { type: ResourceType; namespace: string | undefined; name: string }[] = []
  let number = 0
  await eachFilled(kube, signal, (type, { metadata: { namespace, name } }) => {
    if (isMadeByControllers(type) || unfit.has(type.plural)) return
    if (number++ % EVERY === 0) chosen.push({ type, namespace, name })
  })
  const waiting = chosen.values()
  const worker = async (): Promise<void> => {
    for (const { type, namespace, name } of waiting) {
      await kube.patch(type, name, { merge: { metadata: { labels: { [mark]: 'yes' } } } }, { namespace, signal })
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
  return chosen.length
}

/** How many objects of the cluster are changed still. */
export async function countDrifted(kube: KubeClient, signal: AbortSignal): Promise<number> {
  let count = 0
  for (const type of await backedUpTypes(kube, signal)) {
    for await (const { items } of kube.pages(type, { labelSelector: mark, signal })) count += items.length
  }
  return count
}
