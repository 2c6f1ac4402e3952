import { listOf, objectOf } from '../json.ts'
import type { RestoreAction } from '../restore-action.ts'

const waiting: readonly unknown[] = ['restore-wait', 'restic-wait']

/** Takes off the container in which an earlier restore made the pod wait for its volumes. */
export const podVolumeRestoreAction: RestoreAction = {
  name: 'velero.io/pod-volume-restore',
  appliesTo: (resource) => resource === 'pods',
  execute(pod) {
    const spec = objectOf(pod['spec'])
    const containers = listOf(spec?.['initContainers'])
    const own = containers.filter((container) => !waiting.includes(objectOf(container)?.['name']))
    if (own.length === containers.length) return { object: pod }
    return { object: { ...pod, spec: { ...spec, initContainers: own } } }
  },
}
