import { recordAnnotation } from '#install/adoption.ts'
import { diffJson, type FieldChange } from '#items/diff.ts'
import type { KubeObject } from '#kube/object.ts'
import { changeLines } from '../change-lines.ts'
import { coloursOf } from '../colour.ts'
import type { CliContext } from '../context.ts'

/** What has to change in a Deployment, field by field; the record of an adoption, which is the old `spec` once more, is only named. */
export function deploymentChanges(before: KubeObject, after: KubeObject, context: CliContext): string {
  const heading = `Deployment ${before.metadata.namespace}/${before.metadata.name}`
  const changes = [...recordChange(before, after), ...specChanges(before, after)]
  if (changes.length === 0) return `${heading}: nothing to change`
  return [heading, ...changeLines(changes, { colours: coloursOf(context), most: 100 })].join('\n')
}

function recordChange(before: KubeObject, after: KubeObject): FieldChange[] {
  const [had, has] = [before, after].map(({ metadata }) => metadata.annotations?.[recordAnnotation] !== undefined)
  if (had === has) return []
  const path = ['metadata', 'annotations', recordAnnotation]
  const text = 'the spec of before'
  return [has === true ? { path, new: text } : { path, old: text }]
}

/** A container that got another name is the same container: its fields are compared, instead of two containers told whole. */
function specChanges(before: KubeObject, after: KubeObject): FieldChange[] {
  const [from, to] = [containersOf(before), containersOf(after)]
  const renamed =
    from.length === to.length ? from.map((container, index) => ({ ...container, name: to[index]?.name })) : from
  const names = from.flatMap(({ name }, index): FieldChange[] =>
    renamed[index]?.name === name
      ? []
      : [{ path: [...place, { named: name }, 'name'], old: name, new: renamed[index]?.name }],
  )
  return [...names, ...diffJson(withContainers(before, renamed), after['spec'], ['spec'])]
}

const place = ['spec', 'template', 'spec', 'containers'] as const

interface Pods {
  template: { spec: { containers: { name: string }[] } }
}

function containersOf(deployment: KubeObject): { name: string }[] {
  return (deployment['spec'] as Pods).template.spec.containers
}

function withContainers(deployment: KubeObject, containers: readonly object[]): object {
  const spec = deployment['spec'] as Pods
  return { ...spec, template: { ...spec.template, spec: { ...spec.template.spec, containers } } }
}
