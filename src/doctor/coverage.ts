import type { BackupArtifact } from '#store/layout.ts'
import type { BackupFacts, StoreFacts } from './facts.ts'

/** The last good backup of one namespace. */
export interface Coverage {
  readonly namespace: string
  readonly backup: string
  /** Where it is. */
  readonly place: string
  /** When it was completed, RFC 3339. */
  readonly completed: string
  /** False when it is PartiallyFailed: it can be restored, but some objects are not in it. */
  readonly complete: boolean
}

/** The last good backup of every namespace that has one, in the order of their names. A complete one is better than a newer one with errors. */
export function coverage(stores: readonly StoreFacts[]): Coverage[] {
  const best = new Map<string, Coverage>()
  for (const { place, backups } of stores) {
    for (const facts of backups.filter(isRestorable)) {
      const complete = phaseOf(facts) === 'Completed'
      const completed = new Date(ended(facts)).toISOString()
      for (const namespace of facts.namespaces ?? []) {
        const one = { namespace, backup: facts.name, place, completed, complete }
        const before = best.get(namespace)
        if (before === undefined || isBetter(one, before)) best.set(namespace, one)
      }
    }
  }
  return [...best.values()].toSorted((a, b) => (a.namespace < b.namespace ? -1 : 1))
}

function isBetter(one: Coverage, other: Coverage): boolean {
  if (one.complete !== other.complete) return one.complete
  return one.completed > other.completed
}

/** What a restore reads, besides the record: if it is damaged, nothing is restored. */
export const readByRestores: ReadonlySet<BackupArtifact> = new Set(['contents', 'volume-info', 'manifest'])

/** Whether a backup ended with an archive, and no damage is known of what a restore reads. */
export function isRestorable(facts: BackupFacts): boolean {
  const phase = phaseOf(facts)
  if (phase !== 'Completed' && phase !== 'PartiallyFailed') return false
  return (facts.files.get('contents') ?? 0) > 0 && !facts.damaged.some(({ artifact }) => readByRestores.has(artifact))
}

/** When a backup ended, in ms since 1970; 0 when it does not say. */
export function ended({ record }: BackupFacts): number {
  return 'damage' in record ? 0 : Date.parse(String(record.backup.status?.completionTimestamp ?? '')) || 0
}

function phaseOf({ record }: BackupFacts): string | undefined {
  return 'damage' in record ? undefined : record.backup.status?.phase
}
