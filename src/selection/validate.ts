import type { LabelSelector } from '#api/fields.ts'
import type { RestoreHook, RestoreSpec } from '#api/restore.ts'
import type { BackupFilters } from './backup-filters.ts'
import { filterStyle } from './backup-filters.ts'
import { namespacePatternProblem } from './globs.ts'
import { selectorProblems } from './label-selector.ts'

type List = readonly string[] | null | undefined

const mixture = `include-resources, exclude-resources and include-cluster-resources are old filter parameters.
include-cluster-scoped-resources, exclude-cluster-scoped-resources, include-namespace-scoped-resources and exclude-namespace-scoped-resources are new filter parameters.
They cannot be used together`

/**
 * What is wrong with a backup's filters, in Velero's words and order (spec/backup §1.3, 4-8), and selectors that no API server
 * would take; empty when nothing is. Judge them with namespaces labelled out appended, but before `defaultBackupFilters`.
 */
export function backupFilterProblems(filters: BackupFilters): string[] {
  const resources = listProblems(filters.includedResources, filters.excludedResources)
  const cluster = scopedListProblems(filters.includedClusterScopedResources, filters.excludedClusterScopedResources)
  const namespaced = scopedListProblems(
    filters.includedNamespaceScopedResources,
    filters.excludedNamespaceScopedResources,
  )
  const namespaces = [
    ...listProblems(filters.includedNamespaces, filters.excludedNamespaces),
    ...namespaceProblems(filters.includedNamespaces),
    ...namespaceProblems(filters.excludedNamespaces),
  ]
  return [
    ...(filterStyle(filters) === 'mixed' ? [mixture] : []),
    ...prefixed('Invalid included/excluded resource lists', resources),
    ...prefixed('Invalid cluster-scoped included/excluded resource lists', cluster),
    ...prefixed('Invalid namespace-scoped included/excluded resource lists', namespaced),
    ...prefixed('Invalid included/excluded namespace lists', namespaces),
    ...labelProblems(filters, 'backup'),
  ]
}

/** Types that no restore brings back; the server appends them to `excludedResources` (spec/restore §1.2). */
export const neverRestored: readonly string[] = [
  'nodes',
  'events',
  'events.events.k8s.io',
  'backups.velero.io',
  'restores.velero.io',
  'resticrepositories.velero.io',
  'csinodes.storage.k8s.io',
  'volumeattachments.storage.k8s.io',
  'backuprepositories.velero.io',
]

/** What is wrong with a restore's spec by itself, in Velero's words and order (spec/restore §1.2, 1-7). Judge it after `neverRestored` was appended. */
export function restoreSpecProblems(spec: RestoreSpec): string[] {
  const problems = [
    ...neverRestored
      .filter((type) => spec.includedResources?.includes(type) === true)
      .map((type) => `${type} are non-restorable resources`),
    ...prefixed(
      'Invalid included/excluded resource lists',
      listProblems(spec.includedResources, spec.excludedResources),
    ),
    ...prefixed(
      'Invalid included/excluded namespace lists',
      listProblems(spec.includedNamespaces, spec.excludedNamespaces),
    ),
    ...labelProblems(spec, 'restore'),
  ]
  if (isSet(spec.backupName) === isSet(spec.scheduleName)) {
    problems.push('Either a backup or schedule must be specified as a source for the restore, but not both')
    return problems
  }
  problems.push(...(spec.hooks?.resources ?? []).flatMap(initContainerProblems))
  const policy = spec.existingResourcePolicy ?? ''
  if (!['', 'none', 'update'].includes(policy)) problems.push(`Invalid ExistingResourcePolicy: ${policy}`)
  return problems
}

function isSet(name: string | undefined): boolean {
  return name !== undefined && name !== ''
}

function prefixed(prefix: string, problems: readonly string[]): string[] {
  return problems.map((problem) => `${prefix}: ${problem}`)
}

// Velero keeps these lists as sorted sets; its messages come in that order.
function listProblems(included: List, excluded: List): string[] {
  const problems: string[] = []
  if (included?.includes('*') === true && new Set(included).size > 1) problems.push(starAlone('includes'))
  if (excluded?.includes('*') === true) problems.push("excludes list cannot contain '*'")
  return [...problems, ...overlapProblems(included, excluded)]
}

function scopedListProblems(included: List, excluded: List): string[] {
  const problems: string[] = []
  if (included?.includes('*') === true && new Set(included).size > 1) problems.push(starAlone('includes'))
  if (excluded?.includes('*') === true) {
    if (new Set(excluded).size > 1) problems.push(starAlone('excludes'))
    if ((included ?? []).length > 0) problems.push("when exclude is '*', include cannot have value")
  }
  return [...problems, ...overlapProblems(included, excluded)]
}

function starAlone(list: 'includes' | 'excludes'): string {
  return `${list} list must either contain '*' only, or a non-empty list of items`
}

function overlapProblems(included: List, excluded: List): string[] {
  return sorted(excluded)
    .filter((entry) => included?.includes(entry) === true)
    .map((entry) => `excludes list cannot contain an item in the includes list: ${entry}`)
}

function namespaceProblems(names: List): string[] {
  return sorted(names)
    .map(namespacePatternProblem)
    .filter((problem) => problem !== undefined)
}

function sorted(list: List): string[] {
  return [...new Set(list)].toSorted()
}

function labelProblems(
  spec: { labelSelector?: LabelSelector | null | undefined; orLabelSelectors?: LabelSelector[] | null | undefined },
  kind: 'backup' | 'restore',
): string[] {
  const one = spec.labelSelector ?? undefined
  const many = spec.orLabelSelectors ?? []
  const problems = [...(one === undefined ? [] : [one]), ...many]
    .flatMap(selectorProblems)
    .map((problem) => `Invalid label selector: ${problem}`)
  if (one === undefined || many.length === 0) return problems
  return [
    `encountered labelSelector as well as orLabelSelectors in ${kind} spec, only one can be specified`,
    ...problems,
  ]
}

function initContainerProblems(hook: RestoreHook): string[] {
  const containers: Record<string, unknown>[] = (hook.postHooks ?? []).flatMap(({ init }) => init?.initContainers ?? [])
  return containers.flatMap((container) =>
    ['name', 'image', 'command']
      .filter((field) => {
        const value = container[field]
        return value === undefined || value === '' || (Array.isArray(value) && value.length === 0)
      })
      .map((field) => `Invalid init container in restore hook ${hook.name}: it has no ${field}`),
  )
}
