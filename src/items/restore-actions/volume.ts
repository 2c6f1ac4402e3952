import type { KubeObject } from '#kube/object.ts'
import { targetNamespace } from '#selection/restore-scope.ts'
import { objectOf, textOf, without } from '../json.ts'
import type { RestoreContext } from '../restore-context.ts'
import { bindingAnnotations, withoutAnnotations } from './claim.ts'

/** A PersistentVolume to be made as it was: reserved for its claim in its target namespace, but not for the very claim that is gone (spec/restore §8.1). */
export function restoreVolume(volume: KubeObject, { namespaceMapping }: RestoreContext): KubeObject {
  const unbound = withoutAnnotations(volume, bindingAnnotations)
  const spec = objectOf(volume['spec']) ?? {}
  const claim = objectOf(spec['claimRef'])
  if (claim === undefined) return unbound
  const namespace = textOf(claim['namespace'])
  const claimRef = {
    ...without(claim, ['uid', 'resourceVersion']),
    ...(namespace === undefined ? {} : { namespace: targetNamespace(namespace, namespaceMapping) }),
  }
  return { ...unbound, spec: { ...spec, claimRef } }
}
