import type { JsonObject } from '../json.ts'
import { listOf, objectOf, textOf } from '../json.ts'
import type { RestoreAction } from '../restore-action.ts'
import type { ImageRule } from '../restore-context.ts'

// Where the pod's spec is in each of these types.
const podSpecs: Readonly<Record<string, readonly string[]>> = {
  pods: ['spec'],
  'deployments.apps': ['spec', 'template', 'spec'],
  'statefulsets.apps': ['spec', 'template', 'spec'],
  'daemonsets.apps': ['spec', 'template', 'spec'],
  'replicasets.apps': ['spec', 'template', 'spec'],
  replicationcontrollers: ['spec', 'template', 'spec'],
  'jobs.batch': ['spec', 'template', 'spec'],
  'cronjobs.batch': ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
}

/** Changes images of containers and init containers by the first rule that fits each. Velero takes the rules in random order. */
export const changeImageNameAction: RestoreAction = {
  name: 'velero.io/change-image-name',
  appliesTo: (resource) => Object.hasOwn(podSpecs, resource),
  execute(object, { resource, context: { imageRules } }) {
    const path = podSpecs[resource]
    if (imageRules === undefined || path === undefined) return { object }
    if ('problem' in imageRules) return { fail: imageRules.problem }
    const changed = changedAt(object, path, (spec) => withImages(spec, imageRules.is))
    return { object: { ...object, ...changed } }
  },
}

function changedAt(
  value: JsonObject,
  [key, ...path]: readonly string[],
  change: (value: JsonObject) => JsonObject,
): JsonObject {
  if (key === undefined) return change(value)
  const inner = objectOf(value[key])
  return inner === undefined ? value : { ...value, [key]: changedAt(inner, path, change) }
}

function withImages(spec: JsonObject, rules: readonly ImageRule[]): JsonObject {
  const result: Record<string, unknown> = { ...spec }
  for (const field of ['containers', 'initContainers']) {
    if (spec[field] === undefined) continue
    result[field] = listOf(spec[field]).map((entry) => {
      const container = objectOf(entry) ?? {}
      const image = textOf(container['image'])
      const rule = rules.find(({ from }) => from !== '' && image?.includes(from) === true)
      if (image === undefined || rule === undefined) return entry
      return { ...container, image: image.split(rule.from).join(rule.to) }
    })
  }
  return result
}
