import { createHash } from 'node:crypto'
import { hookCommand } from '#api/hook-command.ts'
import { hookPrefixes } from '#api/labels.ts'
import type { RestoreSpec } from '#api/restore.ts'
import type { KubeObject, ObjectMeta } from '#kube/object.ts'
import { appliesTo } from '#selection/hook-filter.ts'
import { targetNamespace } from '#selection/restore-scope.ts'
import { listOf, objectOf } from '../json.ts'
import type { RestoreAction } from '../restore-action.ts'

/** The init containers that the spec of a restore gives to a pod, by its target namespace and its labels; in order. */
export type InitContainers = (pod: Pick<ObjectMeta, 'namespace' | 'labels'>) => readonly object[]

/** Compiles the init hooks of a spec; undefined when there are none. */
export function initContainers({ hooks }: Pick<RestoreSpec, 'hooks'>): InitContainers | undefined {
  const entries = (hooks?.resources ?? [])
    .map((entry) => ({
      applies: appliesTo(entry),
      containers: (entry.postHooks ?? []).flatMap(({ init }) => init?.initContainers ?? []),
    }))
    .filter(({ containers }) => containers.length > 0)
  if (entries.length === 0) return undefined
  return (pod) => entries.flatMap(({ applies, containers }) => (applies(pod) ? containers : []))
}

/**
 * Puts the init container that a pod's annotations ask for, or else those that the restore's spec has for it, before the pod's own ones, and behind
 * the one that waits for data of volumes (spec/restore §10.1).
 */
export const initHookAction: RestoreAction = {
  name: 'velero.io/init-restore-hook',
  appliesTo: (resource) => resource === 'pods',
  execute(pod, { archived, context }) {
    const annotated = annotatedContainer(archived)
    const { labels } = pod.metadata
    const namespace = targetNamespace(archived.metadata.namespace ?? '', context.namespaceMapping)
    const asked = annotated === undefined ? (context.initContainers?.({ namespace, labels }) ?? []) : [annotated]
    if (asked.length === 0) return { object: pod }
    const spec = objectOf(pod['spec']) ?? {}
    const own = listOf(spec['initContainers'])
    const waiting = objectOf(own[0])?.['name'] === 'restore-wait' ? 1 : 0
    const containers = [...own.slice(0, waiting), ...asked, ...own.slice(waiting)]
    return { object: { ...pod, spec: { ...spec, initContainers: containers } } }
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
