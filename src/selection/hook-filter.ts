import type { BackupHook } from '#api/backup.ts'
import type { RestoreHook } from '#api/restore.ts'
import type { ObjectMeta } from '#kube/object.ts'
import { matchesSelector } from './label-selector.ts'
import { includes, nameList } from './name-list.ts'

/** The part of an entry in `spec.hooks.resources` that says for which pods it is. */
export type HookFilter = Pick<
  BackupHook | RestoreHook,
  'includedNamespaces' | 'excludedNamespaces' | 'includedResources' | 'excludedResources' | 'labelSelector'
>

/** Whether an entry is for a pod with this metadata. */
export type HookQuestion = (pod: Pick<ObjectMeta, 'namespace' | 'labels'>) => boolean

/** Compiles the filter of one entry. An entry that does not take pods is for none: only pods have hooks. */
export function appliesTo(entry: HookFilter): HookQuestion {
  const resources = { in: typeList(entry.includedResources), out: typeList(entry.excludedResources) }
  if (resources.out.matches('pods') || !includes(resources.in, 'pods')) return () => false
  const namespaces = { in: nameList(entry.includedNamespaces), out: nameList(entry.excludedNamespaces) }
  return ({ namespace = '', labels }) =>
    !namespaces.out.matches(namespace) &&
    includes(namespaces.in, namespace) &&
    matchesSelector(entry.labelSelector ?? {}, labels)
}

/** Every API server calls pods by these names, whatever else it serves. */
function typeList(names: readonly string[] | null | undefined): ReturnType<typeof nameList> {
  return nameList(names?.map((name) => (['pod', 'po', 'pods'].includes(name.toLowerCase()) ? 'pods' : name)))
}
