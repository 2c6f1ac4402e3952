import type { Restore } from '#api/restore.ts'
import { readModifierRules, type ModifierRule } from '#items/modifier-rules.ts'
import type { KubeClient } from '#kube/client.ts'
import { onlyText } from '#kube/config-map.ts'

/** What `spec.resourceModifier` of a Restore came to. With problems the restore is to be refused. */
export interface FoundModifiers {
  rules: readonly ModifierRule[]
  /** Each names the ConfigMap, the place in it and what is wrong; for `validateRestore`. */
  problems: readonly string[]
}

/**
 * Reads the resource modifiers that `restore` names, from the ConfigMap in the restore's own namespace (spec/restore §7). As Velero does, a
 * reference of any other kind is passed over. Rejects with KubeError only when the API server is lost.
 */
export async function readModifiers(
  kube: KubeClient,
  restore: Restore,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<FoundModifiers> {
  const reference = restore.spec.resourceModifier ?? undefined
  if (reference === undefined || reference.kind.toLowerCase() !== 'configmap') return { rules: [], problems: [] }
  const { namespace } = restore.metadata
  const place = `resource modifier ConfigMap ${namespace === undefined ? '' : `${namespace}/`}${reference.name}`
  const found = await onlyText(kube, { ...options, namespace, name: reference.name, place, holds: 'rules' })
  if (found.text === undefined) return { rules: [], problems: [found.problem] }
  const read = readModifierRules(found.text)
  if ('rules' in read) return { rules: read.rules, problems: [] }
  return { rules: [], problems: read.problems.map((problem) => `${place} is not valid: ${problem}`) }
}
