import { setTimeout as pause } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { Claims, make, Volumes } from './objects.ts'

/** Makes a cluster-scoped object that goes away with the test. */
export async function passing(
  kube: KubeClient,
  type: ResourceType,
  { name, ...rest }: { name: string } & Record<string, unknown>,
): Promise<AsyncDisposable> {
  await make(kube, type, { name, ...rest })
  return {
    async [Symbol.asyncDispose]() {
      await kube.delete(type, name)
    },
  }
}

/** Makes the claim `name` and the volume `namespace-name`, which the controllers bind to each other; the volume goes away with the test. */
export async function boundClaim(
  kube: KubeClient,
  { namespace, name }: { namespace: string; name: string },
): Promise<AsyncDisposable> {
  const volumeName = `${namespace}-${name}`
  const size = { storage: '1Gi' }
  const volume = await passing(kube, Volumes, {
    name: volumeName,
    spec: {
      capacity: size,
      accessModes: ['ReadWriteOnce'],
      storageClassName: '',
      claimRef: { namespace, name },
      hostPath: { path: '/nowhere' },
    },
  })
  const spec = { accessModes: ['ReadWriteOnce'], storageClassName: '', volumeName, resources: { requests: size } }
  await make(kube, Claims, { namespace, name, spec })
  const isBound = (claim: KubeObject): boolean => (claim['status'] as { phase?: string })?.phase === 'Bound'
  while (!isBound(await kube.get(Claims, name, { namespace }))) await pause(100)
  return volume
}
