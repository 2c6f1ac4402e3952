import type { Backup } from '#api/backup.ts'
import type { KubeObject } from '#kube/object.ts'
import { labelledOutNamespaces } from '#selection/namespace-scope.ts'
import { namespacesOf, overlaps } from '#selection/namespace-overlap.ts'

/** The namespaces that `backup` would work on now, in a cluster that has `namespaces` (spec/backup §1.1). Those labelled out belong to no backup. */
export function claimedNamespaces(
  { spec }: Pick<Backup, 'spec'>,
  namespaces: readonly KubeObject[],
): ReadonlySet<string> {
  const labelledOut = new Set(labelledOutNamespaces(namespaces))
  const names = namespaces.map(({ metadata }) => metadata.name).filter((name) => !labelledOut.has(name))
  return namespacesOf(spec, names)
}

/** Whether two backups would work on a namespace in common. */
export const claimsOverlap: (a: ReadonlySet<string>, b: ReadonlySet<string>) => boolean = overlaps
