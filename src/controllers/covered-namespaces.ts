import type { Backup } from '#api/backup.ts'
import { claimedNamespaces } from '#backup/claimed-namespaces.ts'
import type { KubeObject } from '#kube/object.ts'

/** What counts of one complete backup; it ended `completedAt` seconds after 1970. */
export interface WholeBackup {
  readonly spec: Backup['spec']
  readonly completedAt: number
}

/** When each of the namespaces that are there now was last backed up whole, in seconds since 1970. Backups that take only some objects or types of a namespace do not count. */
export function lastWholeBackups(
  completed: Iterable<WholeBackup>,
  namespaces: readonly KubeObject[],
): ReadonlyMap<string, number> {
  // Most backups of a schedule say the same: each pattern is matched once.
  const newest = new Map<string, WholeBackup>()
  for (const one of completed) {
    if (!takesAll(one.spec)) continue
    const { includedNamespaces, excludedNamespaces } = one.spec
    const key = JSON.stringify([includedNamespaces ?? [], excludedNamespaces ?? []])
    if (one.completedAt > (newest.get(key)?.completedAt ?? 0)) newest.set(key, one)
  }
  const there = new Set(namespaces.map(({ metadata }) => metadata.name))
  const last = new Map<string, number>()
  for (const { spec, completedAt } of newest.values()) {
    for (const name of claimedNamespaces({ spec }, namespaces)) {
      if (there.has(name) && completedAt > (last.get(name) ?? 0)) last.set(name, completedAt)
    }
  }
  return last
}

/** Whether a backup takes every object of its namespaces, of every type that has something to say about them later. */
function takesAll(spec: Backup['spec']): boolean {
  const { matchLabels = {}, matchExpressions = [] } = spec.labelSelector ?? {}
  if (Object.keys(matchLabels).length > 0 || matchExpressions.length > 0) return false
  if ((spec.orLabelSelectors ?? []).length > 0) return false
  const excluded = [...(spec.excludedResources ?? []), ...(spec.excludedNamespaceScopedResources ?? [])]
  if (!excluded.every((name) => passing.test(name))) return false
  return [spec.includedResources, spec.includedNamespaceScopedResources].every(
    (list) => (list ?? []).length === 0 || list?.includes('*') === true,
  )
}

/** Events, and the snapshots that Velero itself takes out of every backup which does not move their data. */
const passing = /^(events|volumesnapshots|volumesnapshotcontents)(\.|$)/
