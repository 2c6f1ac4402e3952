import type { KubeObject } from '#kube/object.ts'
import { objectOf, textOf, without } from '../json.ts'
import { volumeOf } from '../related.ts'
import type { RestoreAction } from '../restore-action.ts'
import type { RestoreContext } from '../restore-context.ts'

/** Annotations by which the old cluster remembered how claim and volume found each other. */
export const bindingAnnotations = ['pv.kubernetes.io/bind-completed', 'pv.kubernetes.io/bound-by-controller']

const clusterAnnotations = [
  ...bindingAnnotations,
  'volume.kubernetes.io/storage-provisioner',
  'volume.beta.kubernetes.io/storage-provisioner',
  'volume.kubernetes.io/selected-node',
  'velero.io/volume-snapshot-name',
  'velero.io/data-upload-name',
]

/** Lets a claim be bound anew, and brings along the volume to which it was bound. */
export const claimAction: RestoreAction = {
  name: 'velero.io/pvc',
  appliesTo: (resource) => resource === 'persistentvolumeclaims',
  execute(claim, { archived }) {
    const volume = volumeOf(archived)
    return { object: withoutAnnotations(claim, clusterAnnotations), related: volume === undefined ? [] : [volume] }
  },
}

/** The claim without its volume's name if that volume will be provisioned anew, and with its new name if it has one (spec/restore §6, 8). */
export function rebindClaim(claim: KubeObject, { volumes, renamedVolumes }: RestoreContext): KubeObject {
  const spec = objectOf(claim['spec']) ?? {}
  const name = textOf(spec['volumeName'])
  if (name === undefined) return claim
  if (volumes.get(name) === 'provision-anew') return { ...claim, spec: without(spec, ['volumeName']) }
  const renamed = renamedVolumes?.get(name)
  return renamed === undefined ? claim : { ...claim, spec: { ...spec, volumeName: renamed } }
}

/** The object without the given annotations. */
export function withoutAnnotations(object: KubeObject, keys: readonly string[]): KubeObject {
  const { annotations } = object.metadata
  if (annotations === undefined) return object
  return { ...object, metadata: { ...object.metadata, annotations: without(annotations, keys) } }
}
