import type { Restore } from './restore.ts'

/**
 * Annotations of a Restore by which it asks for what Velero does not have. A field would not do: Velero's own definition of the
 * kind refuses other policies and drops unknown fields, while it takes annotations and passes over them.
 */
export const restoreWishKeys = {
  /** `recreate`: objects that differ are deleted and made again. */
  existingResourcePolicy: 'lifeboat.dev/existing-resource-policy',
  /** `true`: the namespaces become what the backup says. */
  exact: 'lifeboat.dev/exact',
  /** `false`: no backup is made before an exact restore. */
  safetyBackup: 'lifeboat.dev/safety-backup',
  /** `true`: what Argo CD or Flux keep is left to them. */
  skipGitOpsManaged: 'lifeboat.dev/skip-gitops-managed',
} as const

/** What happens to objects that are there already: Velero's policies and ours. */
export type ExistingPolicy = '' | 'none' | 'update' | 'recreate'

/** What a Restore asks for, Velero's fields and our annotations together. */
export interface RestoreWishes {
  readonly policy: ExistingPolicy
  readonly exact: boolean
  readonly safetyBackup: boolean
  readonly skipsGitOpsManaged: boolean
}

/** Reads the wishes of a valid Restore. An exact one updates what differs, unless it says recreate. */
export function restoreWishes({ metadata, spec }: Pick<Restore, 'metadata' | 'spec'>): RestoreWishes {
  const { annotations = {} } = metadata
  const exact = annotations[restoreWishKeys.exact] === 'true'
  const given = (annotations[restoreWishKeys.existingResourcePolicy] ??
    spec.existingResourcePolicy ??
    '') as ExistingPolicy
  return {
    policy: exact && given === '' ? 'update' : given,
    exact,
    safetyBackup: exact && annotations[restoreWishKeys.safetyBackup] !== 'false',
    skipsGitOpsManaged: annotations[restoreWishKeys.skipGitOpsManaged] === 'true',
  }
}

/** What is wrong with the wishes of a Restore; empty when nothing is. A word that is not understood must not be passed over here. */
export function restoreWishProblems(restore: Pick<Restore, 'metadata' | 'spec'>): string[] {
  const { annotations = {} } = restore.metadata
  const { exact, safetyBackup, skipGitOpsManaged, existingResourcePolicy } = restoreWishKeys
  const problems: string[] = []
  for (const key of [exact, safetyBackup, skipGitOpsManaged]) {
    const value = annotations[key]
    if (value !== undefined && value !== 'true' && value !== 'false')
      problems.push(`annotation ${key} must be true or false, not "${value}"`)
  }
  const policy = annotations[existingResourcePolicy]
  if (policy !== undefined && policy !== 'recreate') {
    problems.push(
      `annotation ${existingResourcePolicy} must be recreate, not "${policy}"; other policies go into spec.existingResourcePolicy`,
    )
  }
  if (restoreWishes(restore).exact) problems.push(...exactProblems(restore.spec))
  return problems
}

/** An exact restore deletes: where it may do so has to be said by name. */
function exactProblems({ includedNamespaces, existingResourcePolicy }: Restore['spec']): string[] {
  const problems: string[] = []
  if (
    (includedNamespaces ?? []).length === 0 ||
    includedNamespaces?.some((name) => name.includes('*') || name.includes('?'))
  ) {
    problems.push('an exact restore needs its namespaces by name in includedNamespaces, without patterns')
  }
  if (existingResourcePolicy === 'none')
    problems.push('an exact restore changes what differs: existingResourcePolicy none contradicts it')
  return problems
}
