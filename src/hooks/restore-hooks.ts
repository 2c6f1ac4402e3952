import { hookCommand } from '#api/hook-command.ts'
import { hookPrefixes } from '#api/labels.ts'
import type { RestoreHook, RestoreSpec } from '#api/restore.ts'
import type { KubeObject } from '#kube/object.ts'
import { appliesTo } from '#selection/hook-filter.ts'
import { chosenContainer, fromAnnotation, type Hook } from './hook.ts'
import { hookTimeout, waitTimeout } from './hook-timeout.ts'

/** One command to run in a restored pod once its container is up. */
export interface RestoredHook extends Hook {
  /** Longest time until the container is up; undefined: without limit. */
  readonly waitMillis: number | undefined
  /** Up means ready, not only running. */
  readonly waitsForReady: boolean
}

/** The commands that a restore runs in pods, as its spec and the annotations of pods ask for them (spec/restore §10.2). */
export interface RestoreHooks {
  /** For a pod as it is restored: target namespace, labels and annotations of the object that is sent. */
  of(pod: KubeObject): readonly RestoredHook[]
}

/** Compiles the hooks of a spec. An annotation with a command takes the place of all entries. */
export function restoreHooks(spec: Pick<RestoreSpec, 'hooks'>): RestoreHooks {
  const entries = (spec.hooks?.resources ?? []).map((entry) => ({ entry, applies: appliesTo(entry) }))
  return {
    of(pod) {
      const annotated = annotatedHook(pod)
      if (annotated !== undefined) return [annotated]
      return entries.flatMap(({ entry, applies }) => (applies(pod.metadata) ? execHooks(pod, entry) : []))
    },
  }
}

function execHooks(pod: KubeObject, { name, postHooks = [] }: RestoreHook): RestoredHook[] {
  return postHooks.flatMap(({ exec }) => {
    if (exec === undefined) return []
    const { container, command, onError = 'Continue', execTimeout, waitTimeout: wait, waitForReady } = exec
    const place = chosenContainer(pod, container)
    return {
      source: 'spec',
      name,
      ...place,
      command,
      onError,
      timeoutMillis: hookTimeout(execTimeout),
      waitMillis: waitTimeout(wait),
      waitsForReady: waitForReady === true,
    }
  })
}

function annotatedHook(pod: KubeObject): RestoredHook | undefined {
  const value = (field: string): string | undefined => pod.metadata.annotations?.[hookPrefixes.postRestore + field]
  const command = value('command')
  if (!command) return undefined
  return {
    source: 'annotation',
    name: fromAnnotation,
    ...chosenContainer(pod, value('container')),
    command: hookCommand(command),
    onError: value('on-error') === 'Fail' ? 'Fail' : 'Continue',
    timeoutMillis: hookTimeout(value('exec-timeout')),
    waitMillis: waitTimeout(value('wait-timeout')),
    // As Go reads a boolean.
    waitsForReady: ['1', 't', 'T', 'TRUE', 'true', 'True'].includes(value('wait-for-ready') ?? ''),
  }
}
