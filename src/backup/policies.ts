import type { Backup } from '#api/backup.ts'
import type { KubeClient } from '#kube/client.ts'
import { onlyText } from '#kube/config-map.ts'
import { filterStyle } from '#selection/backup-filters.ts'
import { SelectionError } from '#selection/error.ts'
import { parseResourcePolicies, type ResourcePolicies } from '#selection/resource-policies.ts'

/** What `spec.resourcePolicy` of a Backup came to. With problems the backup is to be refused; without both it names no policy. */
export interface FoundPolicies {
  policies?: ResourcePolicies
  /** Each names the ConfigMap, what is wrong and what to do; for `validateBackup`. */
  problems: string[]
}

/**
 * Reads the resource policies that `backup` names, from the ConfigMap in the backup's own namespace (spec/backup §6.1). As Velero does, a
 * reference of any other kind is passed over. Rejects with KubeError only when the API server is lost.
 */
export async function readPolicies(
  kube: KubeClient,
  backup: Backup,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<FoundPolicies> {
  const reference = backup.spec.resourcePolicy
  if (reference === undefined || reference.kind.toLowerCase() !== 'configmap') return { problems: [] }
  const { namespace } = backup.metadata
  const place = `resource policy ConfigMap ${namespace === undefined ? '' : `${namespace}/`}${reference.name}`
  const found = await onlyText(kube, { ...options, namespace, name: reference.name, place, holds: 'policies' })
  if (found.text === undefined) return { problems: [found.problem] }
  try {
    const policies = parseResourcePolicies(found.text)
    if (policies.includeExclude === undefined || filterStyle(backup.spec) === 'scoped')
      return { policies, problems: [] }
    return { policies, problems: [oldFilters(place)] }
  } catch (error) {
    if (!(error instanceof SelectionError)) throw error
    return { problems: error.message.split('\n').map((line) => `${place} is not valid: ${line}`) }
  }
}

function oldFilters(place: string): string {
  return `${place} has an includeExcludePolicy, which cannot be used together with include-resources, exclude-resources and include-cluster-resources; use the scoped filters, or take it out of the ConfigMap`
}
