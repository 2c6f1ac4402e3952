import type { Backup, BackupSpec } from '#api/backup.ts'
import { annotationKeys, labelKeys } from '#api/labels.ts'
import { unlessAborted } from '#kube/unless-aborted.ts'
import type { Environment, Ledger } from '#runtime/controller.ts'

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
  /** Its place among those that have not; 0 for none. */
  readonly queuePosition: number
  /** `creationTimestamp`. */
  readonly created: string
  readonly isBeingDeleted: boolean
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
    name: metadata.name,
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    location: (spec as BackupSpec | undefined)?.storageLocation ?? '',
    phase: status?.phase,
    completionTimestamp: typeof completionTimestamp === 'string' ? completionTimestamp : undefined,
    schedule: metadata.labels?.[labelKeys.scheduleName] ?? '',
    importing: metadata.annotations?.[annotationKeys.importing] !== undefined,
    waits: isWaiting({ metadata, status }),
    queuePosition: status?.queuePosition ?? 0,
    created: metadata.creationTimestamp ?? '',
    isBeingDeleted: metadata.deletionTimestamp !== undefined,
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
export interface BackupLedger extends Ledger<Backup>, KnownBackups {
  /** Told of a Backup as this process has just written it, so that nobody decides by what it was before. */
  wrote(backup: Backup): void
  /** Told of a Backup that this process has just made; the watch may have shown it by now. */
  made(backup: Backup): void
}

/** Keeps an extract of every Backup that its controller's watch shows. */
export function backupLedger(): BackupLedger {
  const extracts = new Map<string, BackupExtract>()
  /** What this process wrote and the watch has not shown yet. */
  const ahead = new Map<string, BackupExtract>()
  const share = sharedScopes()
  const whole = Promise.withResolvers<void>()
  const keep = (extract: BackupExtract): void =>
    void extracts.set(extract.name, { ...extract, scope: share(extract.scope) })
  return {
    note(backup) {
      const extract = extractOf(backup)
      if (isOlder(extract, ahead.get(extract.name))) return
      ahead.delete(extract.name)
      keep(extract)
    },
    wrote(backup) {
      const extract = extractOf(backup)
      const before = extracts.get(extract.name)
      // Deleted since, or the watch was faster.
      if (before?.uid !== extract.uid || isOlder(extract, before)) return
      ahead.set(extract.name, extract)
      keep(extract)
    },
    made(backup) {
      if (!extracts.has(backup.metadata.name)) keep(extractOf(backup))
    },
    strike(name) {
      ahead.delete(name)
      extracts.delete(name)
    },
    complete: () => whole.resolve(),
    async all({ signal }) {
      await unlessAborted(whole.promise, signal)
      return [...extracts.values()]
    },
  }
}

/** Of one object; versions of the API server are numbers that grow. */
function isOlder(a: BackupExtract, b: BackupExtract | undefined): boolean {
  return b !== undefined && a.uid === b.uid && Number(a.resourceVersion) < Number(b.resourceVersion)
}
