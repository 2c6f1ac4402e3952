import type { Backup } from '#api/backup.ts'
import { annotationKeys, labelKeys, labelValue } from '#api/labels.ts'
import { hasEnded } from '#api/phases.ts'
import type { PodVolumeBackup } from '#api/pod-volume-backup.ts'
import type { ObjectMeta, OwnerReference } from '#kube/object.ts'

/** Where a stored backup was found, and what is there already. */
export interface ImportFacts {
  /** The folder below `backups/`. */
  readonly folder: string
  readonly location: string
  readonly namespace: string
  /** Uids of the Schedules in the namespace. */
  readonly schedules: ReadonlySet<string>
  readonly now: Date
}

/** What becomes of a backup that a store holds. */
export type ImportStep =
  | { readonly do: 'import'; readonly backup: Backup }
  /** Whoever makes it is still at work; it is looked at again. */
  | { readonly do: 'wait'; readonly phase: string }
  | { readonly do: 'refuse'; readonly reason: string }

/**
 * The Backup object for a stored backup (spec/object-store §15): in this namespace and location, owned by its Schedule only where that is the very
 * same one. One that has not ended is left to its maker, and once it has expired comes in as PartiallyFailed, so that it is cleaned up. Pure.
 */
export function importStep(stored: Backup, facts: ImportFacts): ImportStep {
  const { name } = stored.metadata
  if (name !== facts.folder) return { do: 'refuse', reason: `it says that it is backup ${name}` }
  const phase = hasEnded(stored.status?.phase) ? stored.status?.phase : undefined
  if (phase === undefined && !hasExpired(stored, facts.now)) return { do: 'wait', phase: stored.status?.phase ?? 'New' }
  const metadata = metadataHere(stored.metadata, facts.namespace)
  const owners = (stored.metadata.ownerReferences ?? []).filter((owner) => isScheduleHere(owner, facts.schedules))
  return {
    do: 'import',
    backup: {
      ...stored,
      metadata: {
        ...metadata,
        labels: { ...metadata.labels, [labelKeys.storageLocation]: labelValue(facts.location) },
        ...(owners.length > 0 ? { ownerReferences: owners } : {}),
      },
      spec: { ...stored.spec, storageLocation: facts.location },
      status: { ...stored.status, phase: phase ?? 'PartiallyFailed' },
    },
  }
}

/** The PodVolumeBackup object for one of a stored backup, whose object is `backup`; undefined for one that has not ended, which a node would take for work to do. Pure. */
export function importedVolumeBackup(
  stored: PodVolumeBackup,
  backup: Backup,
  { location, namespace }: { location: string; namespace: string },
): PodVolumeBackup | undefined {
  const { phase } = stored.status ?? {}
  if (phase !== 'Completed' && phase !== 'Failed' && phase !== 'Canceled') return undefined
  const metadata = metadataHere(stored.metadata, namespace)
  const { name, uid = '' } = backup.metadata
  const owners = stored.metadata.ownerReferences?.filter(({ kind }) => kind === 'Backup') ?? []
  const labelled = metadata.labels?.[labelKeys.backupUid] === undefined ? {} : { [labelKeys.backupUid]: uid }
  return {
    ...stored,
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, ...labelled },
      ownerReferences: owners.map((owner) => ({ ...owner, name, uid })),
    },
    spec: { ...stored.spec, backupStorageLocation: location },
  }
}

/** Marks a Backup object whose PodVolumeBackups are still missing, so that whoever comes next ends the import. */
export function markImporting(backup: Backup): Backup {
  const annotations = { ...backup.metadata.annotations, [annotationKeys.importing]: 'true' }
  return { ...backup, metadata: { ...backup.metadata, annotations } }
}

/** What an object brings along: nothing that only means something in the cluster it comes from. */
function metadataHere({ name, labels, annotations }: ObjectMeta, namespace: string): ObjectMeta {
  return { name, namespace, ...(labels && { labels }), ...(annotations && { annotations }) }
}

/** The garbage collector deletes what belongs to nobody it knows. */
function isScheduleHere({ kind, uid }: OwnerReference, schedules: ReadonlySet<string>): boolean {
  return kind === 'Schedule' && schedules.has(uid)
}

function hasExpired({ status }: Backup, now: Date): boolean {
  return typeof status?.expiration === 'string' && Date.parse(status.expiration) <= now.getTime()
}
