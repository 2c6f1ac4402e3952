import type { Item, KubeObject, ResourceType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import { labelKeys } from '#api/labels.ts'
import type { ItemRef } from './item-ref.ts'
import { listOf, objectOf, textOf } from './json.ts'

/** `namespace/name` of a ServiceAccount → the ClusterRoleBindings that name it as subject and their ClusterRoles. */
export type BindingIndex = ReadonlyMap<string, readonly ItemRef[]>

/** What else must be known to say what belongs to an item. */
export interface RelatedFacts {
  bindings: BindingIndex
  /** Pods of the item's namespace; only needed for a claim, and only when a label selector may have left pods out. */
  pods?: readonly KubeObject[] | undefined
  /** Claims of the item's namespace; as `pods`. */
  claims?: readonly KubeObject[] | undefined
  /** `spec.volumeGroupSnapshotLabelKey` of the backup; Velero's default when absent. */
  volumeGroupLabel?: string | undefined
}

/** Indexes every ClusterRoleBinding of the cluster by ServiceAccount subject. Subjects that are groups of ServiceAccounts do not count. */
export function indexBindings(bindings: Iterable<KubeObject>): BindingIndex {
  const index = new Map<string, ItemRef[]>()
  for (const binding of bindings) {
    const refs = [clusterRef('clusterrolebindings.rbac.authorization.k8s.io', binding.metadata.name)]
    const role = textOf(objectOf(binding['roleRef'])?.['name'])
    if (role !== undefined) refs.push(clusterRef('clusterroles.rbac.authorization.k8s.io', role))
    for (const subject of listOf(binding['subjects']).map(objectOf)) {
      if (subject?.['kind'] !== 'ServiceAccount') continue
      const account = `${textOf(subject['namespace'])}/${textOf(subject['name'])}`
      index.set(account, [...(index.get(account) ?? []), ...refs])
    }
  }
  return index
}

/** The objects that go into a backup because `item` does (spec/backup §4.1). They need not exist. */
export function relatedItems(item: Item, facts: RelatedFacts): ItemRef[] {
  switch (resourceName(item.type)) {
    case 'pods':
      return ofPod(item.object)
    case 'persistentvolumeclaims':
      return ofClaim(item.object, facts)
    case 'serviceaccounts':
      return [...(facts.bindings.get(`${item.namespace}/${item.name}`) ?? [])]
    default:
      return []
  }
}

/** The CustomResourceDefinition that would define `type`; undefined for the core group. It need not exist. */
export function crdOfType(type: ResourceType): ItemRef | undefined {
  if (type.group === '') return undefined
  return clusterRef('customresourcedefinitions.apiextensions.k8s.io', resourceName(type))
}

/** The PriorityClass a pod names; also restored before it. */
export function priorityClassOf(pod: KubeObject): ItemRef | undefined {
  const name = textOf(objectOf(pod['spec'])?.['priorityClassName'])
  return name === undefined || name === '' ? undefined : clusterRef('priorityclasses.scheduling.k8s.io', name)
}

/** The claims a pod mounts. A claim made for an ephemeral volume is not one of them: its name is in the volume, not in a reference. */
export function claimsOf(pod: KubeObject): ItemRef[] {
  const { namespace } = pod.metadata
  return listOf(objectOf(pod['spec'])?.['volumes'])
    .map((volume) => textOf(objectOf(objectOf(volume)?.['persistentVolumeClaim'])?.['claimName']))
    .filter((name) => name !== undefined)
    .map((name) => ({ resource: 'persistentvolumeclaims', namespace, name }))
}

/** Names of all claims that a pod mounts, those made for its ephemeral volumes included. */
export function claimNamesOf(pod: KubeObject): string[] {
  const volumes = listOf(objectOf(pod['spec'])?.['volumes']).map(objectOf)
  const ephemeral = volumes.filter((volume) => volume?.['ephemeral'] !== undefined)
  const ofPod = ephemeral.flatMap((volume) => textOf(volume?.['name']) ?? [])
  return [...claimsOf(pod).map(({ name }) => name), ...ofPod.map((name) => `${pod.metadata.name}-${name}`)]
}

/** The volume to which a claim is bound; undefined while it is not. */
export function volumeOf(claim: KubeObject): ItemRef | undefined {
  const name = textOf(objectOf(claim['spec'])?.['volumeName'])
  if (phaseOf(claim) !== 'Bound' || name === undefined || name === '') return undefined
  return clusterRef('persistentvolumes', name)
}

/** The claim for which a volume is; undefined for one that is free. */
export function claimedBy(volume: KubeObject): ItemRef | undefined {
  const claim = objectOf(objectOf(volume['spec'])?.['claimRef'])
  const name = textOf(claim?.['name'])
  if (name === undefined) return undefined
  return { resource: 'persistentvolumeclaims', namespace: textOf(claim?.['namespace']), name }
}

function ofPod(pod: KubeObject): ItemRef[] {
  const priority = priorityClassOf(pod)
  return [...(priority === undefined ? [] : [priority]), ...claimsOf(pod)]
}

function ofClaim(claim: KubeObject, { pods = [], claims = [], volumeGroupLabel }: RelatedFacts): ItemRef[] {
  const volume = volumeOf(claim)
  if (volume === undefined) return []
  const { namespace, name, labels } = claim.metadata
  const users = pods.filter((pod) => phaseOf(pod) === 'Running' && claimsOf(pod).some((used) => used.name === name))
  const key = volumeGroupLabel || labelKeys.volumeGroup
  const group = labels?.[key]
  const sameGroup = claims.filter(
    ({ metadata }) => group !== undefined && metadata.labels?.[key] === group && metadata.name !== name,
  )
  return [
    volume,
    ...users.map((pod) => ({ resource: 'pods', namespace, name: pod.metadata.name })),
    ...sameGroup.map((other) => ({ resource: 'persistentvolumeclaims', namespace, name: other.metadata.name })),
  ]
}

function phaseOf(object: KubeObject): unknown {
  return objectOf(object['status'])?.['phase']
}

function clusterRef(resource: string, name: string): ItemRef {
  return { resource, namespace: undefined, name }
}
