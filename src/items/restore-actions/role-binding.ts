import { targetNamespace } from '#selection/restore-scope.ts'
import { listOf, objectOf, textOf } from '../json.ts'
import type { RestoreAction } from '../restore-action.ts'

/** Lets subjects of role bindings follow the namespaces into which they are restored. */
export const roleBindingAction: RestoreAction = {
  name: 'velero.io/role-bindings',
  appliesTo: (resource) =>
    resource === 'rolebindings.rbac.authorization.k8s.io' ||
    resource === 'clusterrolebindings.rbac.authorization.k8s.io',
  execute(binding, { context: { namespaceMapping } }) {
    if (binding['subjects'] === undefined) return { object: binding }
    const subjects = listOf(binding['subjects']).map((entry) => {
      const subject = objectOf(entry) ?? {}
      const namespace = textOf(subject['namespace'])
      return namespace === undefined ? entry : { ...subject, namespace: targetNamespace(namespace, namespaceMapping) }
    })
    return { object: { ...binding, subjects } }
  },
}
