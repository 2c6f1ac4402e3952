import type { KubeObject } from '#kube/object.ts'
import { without } from './json.ts'

const ofOneCluster: readonly string[] = [
  'generateName',
  'selfLink',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'ownerReferences',
]

/** The object without `status` and without what only one cluster knows (spec/restore §6, 6); name, namespace, labels, annotations, finalizers and managedFields stay. Changes nothing in place. */
export function resetObject<T extends KubeObject>(object: T): T {
  return { ...without(object, ['status']), metadata: without(object.metadata, ofOneCluster) }
}
