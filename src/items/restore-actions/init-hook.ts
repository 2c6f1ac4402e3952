import { createHash } from 'node:crypto'
import { hookCommand } from '#api/hook-command.ts'
import { hookPrefixes } from '#api/labels.ts'
import type { KubeObject } from '#kube/object.ts'
import { listOf, objectOf } from '../json.ts'
import type { RestoreAction } from '../restore-action.ts'

/** Puts the init container that a pod's annotations ask for before the pod's own ones (spec/restore §10.1). */
export const initHookAction: RestoreAction = {
  name: 'velero.io/init-restore-hook',
  appliesTo: (resource) => resource === 'pods',
  execute(pod, { archived }) {
    const container = annotatedContainer(archived)
    if (container === undefined) return { object: pod }
    const spec = objectOf(pod['spec']) ?? {}
    return { object: { ...pod, spec: { ...spec, initContainers: [container, ...listOf(spec['initContainers'])] } } }
  },
}

function annotatedContainer({ metadata }: KubeObject): Record<string, unknown> | undefined {
  const value = (field: string): string | undefined => metadata.annotations?.[hookPrefixes.initRestore + field]
  const image = value('container-image')
  const command = value('command')
  if (!image || !command) return undefined
  return { name: value('container-name') || defaultName(metadata), image, command: hookCommand(command) }
}

// Velero makes up a random name; one that follows from the pod is the same at the second attempt.
function defaultName({ namespace, name }: KubeObject['metadata']): string {
  const digest = createHash('sha256').update(`${namespace}/${name}`).digest('hex')
  return `velero-restore-init-${digest.slice(0, 8)}`
}
