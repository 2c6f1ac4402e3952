import { isFinished, type Hook, type PodRef } from '#hooks/hook.ts'
import type { HookedPod } from './quiet-group.ts'

/** A command that the backup would run in a pod. */
export interface PreviewedHook {
  /** Groups of pods have their turn beside each other; the hooks of one group are run one after the other. */
  readonly group: number
  /** In its group, from 1 on. Snapshots of the group's claims are taken between the last `pre` and the first `post`. */
  readonly order: number
  readonly when: 'pre' | 'post'
  readonly pod: PodRef
  readonly container: string
  readonly command: readonly string[]
  readonly onError: Hook['onError']
  /** Why it would fail; undefined when nothing speaks against it. */
  readonly problem: string | undefined
}

/** What would be run for these groups, in order. In a pod that has finished nothing is. */
export function previewedHooks(groups: readonly (readonly HookedPod[])[]): PreviewedHook[] {
  return groups.flatMap((members, index) => {
    const pods = members.filter(({ item }) => !isFinished(item.object))
    const planned = (when: 'pre' | 'post'): Omit<PreviewedHook, 'group' | 'order'>[] =>
      pods.flatMap(({ namespace, name, hooks }) =>
        hooks[when].map(({ container, command, onError, problem }) => {
          return { when, pod: { namespace, name }, container, command, onError, problem }
        }),
      )
    return [...planned('pre'), ...planned('post')].map((hook, at) => ({ group: index + 1, order: at + 1, ...hook }))
  })
}
