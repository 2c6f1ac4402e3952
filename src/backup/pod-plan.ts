import type { BackupSpec } from '#api/backup.ts'
import { labelKeys } from '#api/labels.ts'
import type { CollectedItem, CollectedRef } from '#collect/collect.ts'
import { referenceKey } from '#collect/relations.ts'
import { backupHooks } from '#hooks/backup-hooks.ts'
import { claimNamesOf } from '#items/related.ts'
import { detached, metadataOf, resourceName } from '#kube/object.ts'
import { grouped } from './group.ts'
import { orderOf } from './opening.ts'
import { placeOf } from './place.ts'
import type { HookedPod } from './quiet-group.ts'

/** Which pods of a backup have hooks, and which of them stand still together. */
export interface PodPlan {
  /** Looks at an item on its way; true for a pod with hooks. */
  see(item: CollectedItem): boolean
  strike(ref: CollectedRef): void
  /** In the order in which they were seen. */
  pods(): Iterable<HookedPod>
  /**
   * When every item was seen: pods that share claims, or whose claims are snapshotted as one volume group, or which the order of the backup names,
   * are in one group. Groups, and the pods in each, in the order in which they have their turn.
   */
  groups(): HookedPod[][]
}

/** No pods yet. */
export function podPlan(spec: Pick<BackupSpec, 'hooks' | 'orderedResources' | 'volumeGroupSnapshotLabelKey'>): PodPlan {
  const hooks = backupHooks(spec)
  const pods = new Map<string, HookedPod>()
  /** Claims that are snapshotted as one: claim → group. */
  const volumeGroups = new Map<string, string>()
  const volumeGroupLabel = spec.volumeGroupSnapshotLabelKey || labelKeys.volumeGroup
  const ordered = orderOf(spec.orderedResources).get('pods') ?? []
  const keysOf = (pod: HookedPod): string[] => {
    const claims = pod.claims.map(placeOf)
    const groups = claims.flatMap((claim) => {
      const group = volumeGroups.get(claim)
      return group === undefined ? [] : [`group ${pod.namespace}/${group}`]
    })
    return [
      ...claims.map((claim) => `claim ${claim}`),
      ...groups,
      ...(ordered.includes(placeOf(pod)) ? ['the order'] : []),
    ]
  }
  return {
    see(item) {
      const resource = resourceName(item.type)
      if (resource === 'persistentvolumeclaims') {
        const label = metadataOf(item).labels?.[volumeGroupLabel]
        if (label) volumeGroups.set(placeOf(item), label)
      }
      if (resource !== 'pods') return false
      const own = hooks.of(item)
      if (own === undefined) return false
      const { namespace = '', name } = item
      const claims = claimNamesOf(item.object).map((claim) => ({ namespace, name: claim }))
      pods.set(keyOf(item), { item: detached(item), hooks: own, namespace, name, claims, leftOut: false })
      return true
    },
    strike: (ref) => void pods.delete(keyOf(ref)),
    pods: () => pods.values(),
    groups() {
      // Those that the order of the backup names come first, one after the other.
      const places = new Map(ordered.map((name, place) => [name, place]))
      const turnOf = (pod: HookedPod): number => places.get(placeOf(pod)) ?? places.size
      const inOrder = [...pods.values()].toSorted((a, b) => turnOf(a) - turnOf(b))
      return grouped(inOrder, keysOf)
    },
  }
}

function keyOf({ type, namespace, name }: CollectedRef): string {
  return referenceKey({ resource: resourceName(type), namespace, name })
}
