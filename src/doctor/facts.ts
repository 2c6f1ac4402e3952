// A check-up of stores and of a cluster: what is there is gathered (examine-store.ts, examine-cluster.ts), judged (findings.ts, coverage.ts:
// pure), and told. Nothing is ever written. How findings look on a screen is the command line's business.
import type { Backup } from '#api/backup.ts'
import type { BackupArtifact } from '#store/layout.ts'
import type { Protection } from '#store/store.ts'

/** What was seen of one store. */
export interface StoreFacts {
  /** For people: its URL, or `location NAME`. */
  readonly place: string
  /** Why it could not be looked into; then the rest is empty. */
  readonly unreadable?: string | undefined
  readonly backups: readonly BackupFacts[]
  readonly leftovers: readonly Leftover[]
  /** Top-level folders that do not belong to a store of backups. */
  readonly strangers: readonly string[]
  /** Absent where a store has no versions and locks at all. */
  readonly protection?: Protection | undefined
}

/** A folder below `backups/` or `restores/` without the record that would make it count. */
export interface Leftover {
  readonly folder: string
  /** When the newest of its files was written. */
  readonly modified: Date
}

/** What was seen of one backup. */
export interface BackupFacts {
  readonly name: string
  /** Its record, or what is wrong with the file. */
  readonly record: { readonly backup: Backup } | { readonly damage: string }
  /** The files there are, with their sizes in bytes. */
  readonly files: ReadonlyMap<BackupArtifact, number>
  /** Files that cannot be read, or are not what the manifest says. */
  readonly damaged: readonly DamagedFile[]
  /** Namespaces it holds something of; undefined when that cannot be told. */
  readonly namespaces: readonly string[] | undefined
  /** How many Secrets it holds. */
  readonly secrets: number
  /** Persistent volumes whose data is not in it; those of claims as `namespace/claim`. */
  readonly volumesWithoutData: readonly string[]
  /** Objects that were compared with the manifest; undefined without a manifest, or when not asked for. */
  readonly verified: number | undefined
}

export interface DamagedFile {
  readonly artifact: BackupArtifact
  readonly why: string
}

/** What was seen of the cluster. */
export interface ClusterFacts {
  readonly server: string
  /** All of it but those of Kubernetes itself and of the server. */
  readonly namespaces: readonly string[]
  /** Locations that the server found unusable, with its message. */
  readonly unavailable: readonly { readonly name: string; readonly why: string }[]
  /** Schedules that make no backups, with the reason. */
  readonly idleSchedules: readonly { readonly name: string; readonly why: string }[]
  readonly schedules: number
  /** Those of file copies of volumes. */
  readonly repositories: readonly RepositoryFacts[]
}

/** What was seen of one BackupRepository. */
export interface RepositoryFacts {
  readonly name: string
  readonly phase: 'New' | 'Ready' | 'NotReady'
  readonly message: string
  readonly created: Date | undefined
  /** ms between two maintenances; 0 when nobody says. */
  readonly frequency: number
  readonly lastMaintenance: Date | undefined
  /** What the last try said when it failed; undefined when it did not. */
  readonly lastFailure: string | undefined
  /** Its location may be written to. */
  readonly isMaintained: boolean
}
