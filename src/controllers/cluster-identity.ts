import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { Namespaces } from '#kube/object.ts'

/** What tells a cluster from any other as long as it lives: the uid of its `kube-system`; undefined for who may not read it. Rejects with KubeError. */
export async function clusterIdentity(kube: KubeClient, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await kube.find(Namespaces, 'kube-system', { signal }))?.metadata.uid
  } catch (error) {
    if (error instanceof KubeError && error.problem === 'forbidden') return undefined
    throw error
  }
}

/** What tells an installation from any other as long as its cluster lives; undefined when nobody knows `cluster`, from `clusterIdentity`. */
export function installationName(cluster: string | undefined, namespace: string): string | undefined {
  return cluster === undefined ? undefined : `${cluster}/${namespace}`
}
