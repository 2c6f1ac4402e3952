import type { Backup, BackupSpec } from '#api/backup.ts'
import { annotationKeys, labelKeys } from '#api/labels.ts'
import { unlessAborted } from '#kube/unless-aborted.ts'
import type { Environment, Ledger } from '#runtime/controller.ts'
import { isWaiting } from './backup-queue.ts'

/** What is known of all Backups without asking the API server, of which there may be ten thousand. */
export interface KnownBackups {
  /** Extracts, which may lag behind a little. Waits until there are all of them; rejects with the signal's reason. */
  all(environment: Pick<Environment, 'signal'>): Promise<BackupExtract[]>
}

/** What matters of a Backup to those who look at all of them. */
export interface BackupExtract {
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  /** `spec.storageLocation`. */
  readonly location: string
  readonly phase: NonNullable<Backup['status']>['phase']
  readonly completionTimestamp: string | undefined
  /** Its label; empty for none. */
  readonly schedule: string
  /** Its import was begun and not ended. */
  readonly importing: boolean
  /** It has not had its turn. */
  readonly waits: boolean
  /** Of its spec, which objects it takes; those that say the same share one. */
  readonly scope: BackupSpec
}

/** The extract of a Backup, of which nobody has checked yet that it is one. */
export function extractOf({ metadata, spec, status }: Pick<Backup, 'metadata' | 'spec' | 'status'>): BackupExtract {
  const { completionTimestamp } = status ?? {}
  return {
    name: metadata.name,
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    location: (spec as BackupSpec | undefined)?.storageLocation ?? '',
    phase: status?.phase,
    completionTimestamp: typeof completionTimestamp === 'string' ? completionTimestamp : undefined,
    schedule: metadata.labels?.[labelKeys.scheduleName] ?? '',
    importing: metadata.annotations?.[annotationKeys.importing] !== undefined,
    waits: isWaiting({ metadata, status }),
    scope: scopeOf(spec ?? {}),
  }
}

function scopeOf(spec: BackupSpec): BackupSpec {
  const { includedNamespaces, excludedNamespaces, labelSelector, orLabelSelectors } = spec
  const { includedResources, excludedResources } = spec
  const { includedNamespaceScopedResources, excludedNamespaceScopedResources } = spec
  return {
    includedNamespaces,
    excludedNamespaces,
    labelSelector,
    orLabelSelectors,
    includedResources,
    excludedResources,
    includedNamespaceScopedResources,
    excludedNamespaceScopedResources,
  }
}

/** So many scopes that differ are remembered to be shared. */
const MOST_SCOPES = 1000

/** Hands out the same object for scopes that say the same, as most backups of a schedule do. */
function sharedScopes(): (scope: BackupSpec) => BackupSpec {
  const shared = new Map<string, BackupSpec>()
  return (scope) => {
    const key = JSON.stringify(scope)
    const there = shared.get(key)
    if (there !== undefined) return there
    if (shared.size === MOST_SCOPES) shared.clear()
    shared.set(key, scope)
    return scope
  }
}

export type BackupLedger = Ledger<Backup> & KnownBackups

/** Keeps an extract of every Backup that its controller's watch shows. */
export function backupLedger(): BackupLedger {
  const extracts = new Map<string, BackupExtract>()
  const share = sharedScopes()
  const whole = Promise.withResolvers<void>()
  return {
    note(backup) {
      const extract = extractOf(backup)
      extracts.set(extract.name, { ...extract, scope: share(extract.scope) })
    },
    strike: (name) => void extracts.delete(name),
    complete: () => whole.resolve(),
    async all({ signal }) {
      await unlessAborted(whole.promise, signal)
      return [...extracts.values()]
    },
  }
}
