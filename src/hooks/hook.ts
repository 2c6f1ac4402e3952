// hooks/ says which commands are to be run in which pods around a backup and after a restore, and runs them. The plans are pure. It must
// never know what a backup or a restore consists of, nor how snapshots are taken.
import type { KubeObject } from '#kube/object.ts'

/** One command to run in a container of a pod. */
export interface Hook {
  /** Who asks for it. */
  readonly source: 'annotation' | 'quiesce' | 'spec'
  /** That of the entry in the spec; `<from-annotation>` otherwise, as in Velero's logs. */
  readonly name: string
  readonly container: string
  readonly command: readonly string[]
  /** `Fail`: no other hook of the pod is run after it. */
  readonly onError: 'Fail' | 'Continue'
  /** Undefined: as long as it takes. */
  readonly timeoutMillis: number | undefined
  /** Why it cannot be run as it is asked for. */
  readonly problem?: string | undefined
}

/** Which pod a hook is for. */
export interface PodRef {
  readonly namespace: string
  readonly name: string
}

/** The name of hooks that no entry of a spec stands for. */
export const fromAnnotation = '<from-annotation>'

/** The containers of a pod, init containers left out: nothing can be run in them. */
export function containersOf(pod: KubeObject): readonly Container[] {
  return (pod as { spec?: { containers?: Container[] | null } | null }).spec?.containers ?? []
}

/** The parts of a container that hooks look at. */
export interface Container {
  readonly name: string
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[]
}

/** The container to run a hook in: the one that is asked for, else the first. */
export function chosenContainer(pod: KubeObject, asked: string | undefined): Pick<Hook, 'container' | 'problem'> {
  const names = containersOf(pod).map(({ name }) => name)
  if (asked === undefined || asked === '') return { container: names[0] ?? '' }
  if (names.includes(asked)) return { container: asked }
  return { container: asked, problem: `the pod has no container ${asked}; it has ${names.join(', ')}` }
}

/** Whether nothing runs in the pod any more. */
export function isFinished(pod: KubeObject): boolean {
  const phase = (pod as { status?: { phase?: unknown } | null }).status?.phase
  return phase === 'Succeeded' || phase === 'Failed'
}
