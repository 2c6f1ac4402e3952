import type { KubeObject } from '#kube/object.ts'

/** A copy without `status` and without what only one cluster knows (spec/restore §6, 6); name, namespace, labels, annotations, finalizers and managedFields stay. */
export function resetObject<T extends KubeObject>(_object: T): T {
  throw new Error('being written')
}
