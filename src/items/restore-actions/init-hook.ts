import { createHash } from 'node:crypto'
import { hookPrefixes } from '#api/labels.ts'
import type { KubeObject } from '#kube/object.ts'
import { listOf, objectOf, textOf } from '../json.ts'
import type { RestoreAction } from '../restore-action.ts'

/** Containers that wait for volume data; hooks come after them, since they may need the data. */
const waiting: readonly unknown[] = ['restore-wait', 'restic-wait']

/** Gives a pod the init container that its annotations ask for, before its own ones (spec/restore §10.1). */
export const initHookAction: RestoreAction = {
  name: 'velero.io/init-restore-hook',
  appliesTo: (resource) => resource === 'pods',
  execute(pod) {
    const hook = annotatedContainer(pod)
    if (hook === undefined) return { object: pod }
    const spec = objectOf(pod['spec'])
    const own = listOf(spec?.['initContainers'])
    const first = waiting.includes(objectOf(own[0])?.['name']) ? 1 : 0
    const initContainers = [...own.slice(0, first), hook, ...own.slice(first)]
    return { object: { ...pod, spec: { ...spec, initContainers } } }
  },
}

function annotatedContainer(pod: KubeObject): object | undefined {
  const annotation = (field: string) => pod.metadata.annotations?.[hookPrefixes.initRestore + field] ?? ''
  const image = annotation('container-image')
  const command = annotation('command')
  if (image === '' || command === '') return undefined
  const name = annotation('container-name') || `velero-restore-init-${suffix(pod)}`
  return { name, image, command: commandOf(command) }
}

/** A JSON list of text is a command with its arguments; anything else is the command itself. */
function commandOf(annotation: string): readonly string[] {
  if (!annotation.startsWith('[')) return [annotation]
  try {
    const words = listOf(JSON.parse(annotation))
    return words.length > 0 && words.every((word) => textOf(word) !== undefined) ? (words as string[]) : [annotation]
  } catch {
    return [annotation]
  }
}

// Velero takes a random one; this one is the same for each try.
function suffix({ metadata }: KubeObject): string {
  return createHash('sha256').update(`${metadata.namespace}/${metadata.name}`).digest('hex').slice(0, 8)
}
