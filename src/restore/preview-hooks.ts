import type { HookedPod } from './archived-task.ts'

/** A command that would be run in a restored pod. */
export interface PlannedHook {
  readonly pod: HookedPod['pod']
  /** `init`: by an init container that the pod gets; `exec`: once its container is up. */
  readonly how: 'init' | 'exec'
  /** In its pod, from 1 on; containers of a pod do not wait for each other. */
  readonly order: number
  readonly container: string
  /** Empty for that of the image. */
  readonly command: readonly string[]
  readonly onError: 'Fail' | 'Continue' | undefined
  /** Why it would fail; undefined when nothing speaks against it. */
  readonly problem: string | undefined
}

/** What would be run in a pod that is made. */
export function plannedHooks({ pod, hooks, inits }: HookedPod): PlannedHook[] {
  const first = inits.map(({ name, command = [], args = [] }) => {
    return {
      how: 'init' as const,
      container: name,
      command: [...command, ...args],
      onError: undefined,
      problem: undefined,
    }
  })
  const then = hooks.map(({ container, command, onError, problem }) => {
    return { how: 'exec' as const, container, command, onError, problem }
  })
  return [...first, ...then].map((hook, at) => ({ pod, order: at + 1, ...hook }))
}
