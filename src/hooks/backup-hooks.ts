import type { BackupHook, BackupSpec } from '#api/backup.ts'
import { hookCommand } from '#api/hook-command.ts'
import { annotationKeys, hookPrefixes } from '#api/labels.ts'
import { type Item, type KubeObject, metadataOf } from '#kube/object.ts'
import { appliesTo, type HookQuestion } from '#selection/hook-filter.ts'
import { chosenContainer, fromAnnotation, type Hook } from './hook.ts'
import { hookTimeout } from './hook-timeout.ts'
import { quiesceHooks } from './quiesce.ts'

/** What is run in one pod before and after the snapshots of its volumes, in order. */
export interface PodHooks {
  readonly pre: readonly Hook[]
  readonly post: readonly Hook[]
}

/** The hooks of a backup, as its spec and the annotations of pods ask for them (spec/backup §5). */
export interface BackupHooks {
  /** Undefined for a pod without hooks; its object is then not even parsed. */
  of(pod: Item): PodHooks | undefined
}

type Phase = keyof PodHooks
type Annotations = Readonly<Record<string, string>>

const prefixes = [hookPrefixes.preBackup, hookPrefixes.backup, hookPrefixes.postBackup]
const askingAnnotations = [...prefixes.map((prefix) => `${prefix}command`), annotationKeys.quiesce]

/** Compiles the hooks of a spec. */
export function backupHooks(spec: Pick<BackupSpec, 'hooks'>): BackupHooks {
  const entries = (spec.hooks?.resources ?? []).map((entry) => ({ entry, applies: appliesTo(entry) }))
  return {
    of(pod) {
      const { namespace = pod.namespace, labels, annotations = {} } = metadataOf(pod)
      const own = entries.filter(({ applies }) => applies({ namespace, labels }))
      if (own.length === 0 && !askingAnnotations.some((key) => annotations[key])) return undefined
      const hooks = { pre: hooksOf(pod.object, 'pre', own), post: hooksOf(pod.object, 'post', own) }
      return hooks.pre.length + hooks.post.length === 0 ? undefined : hooks
    },
  }
}

/** An annotation with a command takes the place of all entries of the spec, and so does the wish to quiesce. */
function hooksOf(
  pod: KubeObject,
  phase: Phase,
  entries: readonly { entry: BackupHook; applies: HookQuestion }[],
): readonly Hook[] {
  const { annotations = {} } = pod.metadata
  const prefix = annotatedPrefix(annotations, phase)
  if (prefix !== undefined) return [annotatedHook(pod, annotations, prefix)]
  if (annotations[annotationKeys.quiesce]) return quiesceHooks(pod)[phase]
  return entries.flatMap(({ entry }) =>
    (entry[phase] ?? []).map(({ exec }): Hook => {
      const { command, onError = 'Continue', timeout } = exec
      const place = chosenContainer(pod, exec.container)
      return { source: 'spec', name: entry.name, ...place, command, onError, timeoutMillis: hookTimeout(timeout) }
    }),
  )
}

/** The old spelling, without a phase, counts for `pre` when the new one is not there. */
function annotatedPrefix(annotations: Annotations, phase: Phase): string | undefined {
  const spellings = phase === 'pre' ? [hookPrefixes.preBackup, hookPrefixes.backup] : [hookPrefixes.postBackup]
  return spellings.find((prefix) => annotations[`${prefix}command`])
}

/** Only the literal `Fail` stops anything, in Velero too. */
function annotatedHook(pod: KubeObject, annotations: Annotations, prefix: string): Hook {
  const value = (field: string): string | undefined => annotations[prefix + field]
  return {
    source: 'annotation',
    name: fromAnnotation,
    ...chosenContainer(pod, value('container')),
    command: hookCommand(value('command') ?? ''),
    onError: value('on-error') === 'Fail' ? 'Fail' : 'Continue',
    timeoutMillis: hookTimeout(value('timeout')),
  }
}
