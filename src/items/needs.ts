import type { KubeObject } from '#kube/object.ts'
import type { ItemRef } from './item-ref.ts'
import { objectOf, textOf } from './json.ts'

/** The objects without which the API server refuses `object`: what admission looks up. They need not exist. */
export function neededToCreate(object: KubeObject): ItemRef[] {
  const { namespace } = object.metadata
  if (object.kind === 'Pod') {
    const spec = objectOf(object['spec'])
    return [
      ...ref('serviceaccounts', namespace, textOf(spec?.['serviceAccountName'])),
      ...ref('priorityclasses.scheduling.k8s.io', undefined, textOf(spec?.['priorityClassName'])),
      ...ref('runtimeclasses.node.k8s.io', undefined, textOf(spec?.['runtimeClassName'])),
    ]
  }
  if (object.kind !== 'RoleBinding' && object.kind !== 'ClusterRoleBinding') return []
  // Whoever may not bind every role is asked which rights the role holds.
  const role = objectOf(object['roleRef'])
  const ofNamespace = role?.['kind'] === 'Role'
  const resource = `${ofNamespace ? 'roles' : 'clusterroles'}.rbac.authorization.k8s.io`
  return ref(resource, ofNamespace ? namespace : undefined, textOf(role?.['name']))
}

function ref(resource: string, namespace: string | undefined, name: string | undefined): ItemRef[] {
  return name === undefined || name === '' ? [] : [{ resource, namespace, name }]
}
