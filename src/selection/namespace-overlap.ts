import type { BackupFilters } from './backup-filters.ts'
import { isGlob, namespacePatternProblem } from './globs.ts'
import { includes, nameList } from './name-list.ts'

/**
 * The namespaces that a backup with `filters` works on, for the queue (spec/backup §1.1): those of `existing` that it takes, and those
 * it includes by name although they do not exist. None when a name or pattern is not valid: such a backup will be refused and blocks nobody.
 */
export function namespacesOf(
  filters: Pick<BackupFilters, 'includedNamespaces' | 'excludedNamespaces'>,
  existing: Iterable<string>,
): ReadonlySet<string> {
  const included = nameList(filters.includedNamespaces)
  const excluded = nameList(filters.excludedNamespaces)
  const entries = [...included.entries, ...excluded.entries]
  if (entries.some((entry) => namespacePatternProblem(entry) !== undefined)) return new Set()
  const named = included.entries.filter((entry) => entry !== '' && !isGlob(entry))
  const taken = [...existing].filter((name) => includes(included, name))
  return new Set([...taken, ...named].filter((name) => !excluded.matches(name)))
}

/** Whether two backups work on a namespace in common, so that one has to wait for the other. */
export function overlaps(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return !a.isDisjointFrom(b)
}
