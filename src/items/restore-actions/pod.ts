import { listOf, objectOf, textOf, without } from '../json.ts'
import { priorityClassOf } from '../related.ts'
import type { RestoreAction } from '../restore-action.ts'

/**
 * Lets a pod be scheduled and admitted anew: no node, no priority number (it follows from the class), no old token volumes of
 * its ServiceAccount. Beyond Velero: no ephemeral containers, with which the API server refuses to create a pod.
 */
export const podAction: RestoreAction = {
  name: 'velero.io/pod',
  appliesTo: (resource) => resource === 'pods',
  execute(pod) {
    const spec = { ...without(objectOf(pod['spec']) ?? {}, ['nodeName', 'priority', 'ephemeralContainers']) }
    const tokenPrefix = `${textOf(spec['serviceAccountName']) ?? ''}-token-`
    const isOther = (entry: unknown): boolean => textOf(objectOf(entry)?.['name'])?.startsWith(tokenPrefix) !== true
    for (const field of ['containers', 'initContainers']) {
      if (spec[field] === undefined) continue
      spec[field] = listOf(spec[field]).map((container) => {
        const mounts = objectOf(container)?.['volumeMounts']
        if (listOf(mounts).every(isOther)) return container
        return { ...objectOf(container), volumeMounts: listOf(mounts).filter(isOther) }
      })
    }
    if (spec['volumes'] !== undefined) spec['volumes'] = listOf(spec['volumes']).filter(isOther)
    const priorityClass = priorityClassOf(pod)
    return { object: { ...pod, spec }, related: priorityClass === undefined ? [] : [priorityClass] }
  },
}
