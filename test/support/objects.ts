import { setTimeout as pause } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { apiVersionOf } from '#kube/object.ts'

const builtIn = (plural: string, kind: string, group = '', namespaced = true): ResourceType => ({
  group,
  version: 'v1',
  plural,
  kind,
  namespaced,
})

/** Built-in types that tests speak of. */
export const Namespaces = builtIn('namespaces', 'Namespace', '', false)
export const ConfigMaps = builtIn('configmaps', 'ConfigMap')
export const Secrets = builtIn('secrets', 'Secret')
export const Pods = builtIn('pods', 'Pod')
export const ServiceAccounts = builtIn('serviceaccounts', 'ServiceAccount')
export const Claims = builtIn('persistentvolumeclaims', 'PersistentVolumeClaim')
export const Volumes = builtIn('persistentvolumes', 'PersistentVolume', '', false)
export const Deployments = builtIn('deployments', 'Deployment', 'apps')
export const StatefulSets = builtIn('statefulsets', 'StatefulSet', 'apps')
export const StorageClasses = builtIn('storageclasses', 'StorageClass', 'storage.k8s.io', false)
export const NetworkPolicies = builtIn('networkpolicies', 'NetworkPolicy', 'networking.k8s.io')
export const Services = builtIn('services', 'Service')
export const Roles = builtIn('roles', 'Role', 'rbac.authorization.k8s.io')
export const RoleBindings = builtIn('rolebindings', 'RoleBinding', 'rbac.authorization.k8s.io')
export const ClusterRoles = builtIn('clusterroles', 'ClusterRole', 'rbac.authorization.k8s.io', false)
export const ClusterRoleBindings = builtIn(
  'clusterrolebindings',
  'ClusterRoleBinding',
  'rbac.authorization.k8s.io',
  false,
)
export const PriorityClasses = builtIn('priorityclasses', 'PriorityClass', 'scheduling.k8s.io', false)
export const Definitions = builtIn(
  'customresourcedefinitions',
  'CustomResourceDefinition',
  'apiextensions.k8s.io',
  false,
)

/** An object of `type` without a namespace: `create` is told where it goes. */
export function object(type: ResourceType, name: string, rest: Record<string, unknown> = {}): KubeObject {
  const { metadata = {}, ...fields } = rest as { metadata?: object }
  return { apiVersion: apiVersionOf(type), kind: type.kind, metadata: { name, ...metadata }, ...fields }
}

/** Creates an object in `namespace`, or in the cluster when that is undefined. */
export function make(
  kube: KubeClient,
  type: ResourceType,
  { name, namespace, ...rest }: { name: string; namespace?: string } & Record<string, unknown>,
): Promise<KubeObject> {
  return kube.create(type, object(type, name, rest), { namespace })
}

/**
 * Creates an object that needs one made just before it, such as a pod of a new PriorityClass: admission knows that one from a cache, and refuses
 * until the cache has it. Rejects with the refusal after half a minute.
 */
export async function makeAdmitted(
  kube: KubeClient,
  type: ResourceType,
  wanted: Parameters<typeof make>[2],
): Promise<KubeObject> {
  const deadline = performance.now() + 30_000
  for (;;) {
    try {
      return await make(kube, type, wanted)
    } catch (error) {
      const isRefused = error instanceof KubeError && error.problem === 'forbidden'
      if (!isRefused || performance.now() > deadline) throw error
      await pause(100)
    }
  }
}
