import type { Backup, BackupSpec } from '#api/backup.ts'
import { annotationKeys, labelKeys } from '#api/labels.ts'
import { notedOf, objectLedger, type KnownObjects, type Noted, type ObjectLedger } from './object-ledger.ts'
import { endOf, type RunEnd } from './run-end.ts'

/** What is known of all Backups without asking the API server, of which there may be ten thousand. */
export type KnownBackups = KnownObjects<BackupExtract>

/** What matters of a Backup to those who look at all of them. */
export interface BackupExtract extends Noted {
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
  /** Its place among those that have not; 0 for none. */
  readonly queuePosition: number
  /** `creationTimestamp`. */
  readonly created: string
  readonly isBeingDeleted: boolean
  /** From `clusterIdentity`: where a schedule made it; undefined for what none made. */
  readonly scheduledIn: string | undefined
  /** How it ended; undefined as long as it has not. */
  readonly end: RunEnd | undefined
  /** Of its spec, which objects it takes; those that say the same share one. */
  readonly scope: BackupSpec
}

/** Whether a backup waits for its turn. */
export function isWaiting({ metadata, status }: Pick<Backup, 'metadata' | 'status'>): boolean {
  const phase = status?.phase ?? 'New'
  return metadata.deletionTimestamp === undefined && (phase === 'New' || phase === 'Queued')
}

/** The extract of a Backup, of which nobody has checked yet that it is one. */
export function extractOf({ metadata, spec, status }: Pick<Backup, 'metadata' | 'spec' | 'status'>): BackupExtract {
  const { completionTimestamp } = status ?? {}
  return {
    ...notedOf(metadata),
    location: (spec as BackupSpec | undefined)?.storageLocation ?? '',
    phase: status?.phase,
    completionTimestamp: typeof completionTimestamp === 'string' ? completionTimestamp : undefined,
    schedule: metadata.labels?.[labelKeys.scheduleName] ?? '',
    importing: metadata.annotations?.[annotationKeys.importing] !== undefined,
    waits: isWaiting({ metadata, status }),
    queuePosition: status?.queuePosition ?? 0,
    created: metadata.creationTimestamp ?? '',
    isBeingDeleted: metadata.deletionTimestamp !== undefined,
    scheduledIn: metadata.annotations?.[annotationKeys.scheduledIn],
    end: endOf({ metadata, status }),
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

/** What is known of all Backups, kept by the watch of their controller and by what this process writes itself. */
export type BackupLedger = ObjectLedger<Backup, BackupExtract>

/** Keeps an extract of every Backup that its controller's watch shows. */
export function backupLedger(): BackupLedger {
  const share = sharedScopes()
  return objectLedger((backup) => {
    const extract = extractOf(backup)
    return { ...extract, scope: share(extract.scope) }
  })
}
