import { createHash } from 'node:crypto'
import type { Backup } from '#api/backup.ts'
import { annotationKeys, labelKeys, labelValue } from '#api/labels.ts'
import type { SnapshotTime } from '#archive/manifest.ts'
import { objectOf, textOf, without } from '#items/json.ts'
import type { KubeObject } from '#kube/object.ts'
import { SelectionError } from '#selection/error.ts'
import { parseQuantity } from '#selection/quantity.ts'
import { withoutGroup } from '#volumes/group-order.ts'
import type { SnapshotOrder } from '#volumes/snapshot-order.ts'
import type { VolumeSnapshot, VolumeSnapshotContent } from '#volumes/snapshot-types.ts'

/** Ours, on a VolumeSnapshot and on its content as soon as that is kept: the very backup that made it, and its name; the latter is a label of the content, too. */
export const snapshotMarks = { run: 'lifeboat.dev/backup-run', backup: 'lifeboat.dev/backup' } as const

/** Which run made a snapshot, and for which name in which store. */
export interface SnapshotMarks {
  readonly run: string
  readonly backup: string
}

/** Undefined for one that no backup is taking. */
export function marksOf(snapshot: VolumeSnapshot): SnapshotMarks | undefined {
  // One that stands for a snapshot which is there already is of a restore, however it is marked.
  return snapshot.spec?.source?.persistentVolumeClaimName === undefined ? undefined : marksOn(snapshot)
}

/** Undefined for one that no backup is taking: what stands for a snapshot that is there already is of a restore. */
export function marksOfContent(content: VolumeSnapshotContent): SnapshotMarks | undefined {
  return content.spec?.source?.volumeHandle === undefined ? undefined : marksOn(content)
}

/** The marks on any object that a backup makes. */
export function marksOn({ metadata: { annotations = {} } }: KubeObject): SnapshotMarks | undefined {
  const { [snapshotMarks.run]: run, [snapshotMarks.backup]: backup } = annotations
  return run === undefined || backup === undefined ? undefined : { run, backup }
}

/** What tells the snapshots of one backup from those of all others: the same again when a server takes the backup up after another one has died. */
export interface BackupIdentity {
  /** For the annotation `snapshotMarks.run`. */
  readonly run: string
  /** Which name in which store, for `snapshotMarks.backup`. */
  readonly backup: string
  /** Finds the snapshots, and those of namesakes. */
  readonly labelSelector: string
  /** Finds the contents that are kept, and those of namesakes. */
  readonly contentSelector: string
}

/** `started` counts for a backup that no server has accepted; `store` is the URL of where it goes. */
export function identityOf(
  { metadata, status }: Backup,
  { store, started }: { store: string; started: string },
): BackupIdentity {
  const { uid = '', namespace = '', name } = metadata
  const backup = digest(`${store} ${namespace}/${name}`, 16)
  const run = digest(`${uid} ${backup} ${status?.startTimestamp ?? started}`, 16)
  const labelSelector = `${labelKeys.backupName}=${labelValue(name)}`
  return { run, backup, labelSelector, contentSelector: `${snapshotMarks.backup}=${backup}` }
}

/** The snapshot of a claim: its name comes from backup and claim, so that asking twice makes one. */
export function snapshotOrder(
  claim: KubeObject,
  {
    identity: { run, backup },
    backupName,
    snapshotClass,
    deletionPolicy,
  }: { identity: BackupIdentity; backupName: string; snapshotClass: string; deletionPolicy: string },
): SnapshotOrder {
  const { name, namespace = '', labels = {}, uid } = claim.metadata
  const own = digest(`${run} ${uid ?? ''} ${namespace}/${name}`, 10)
  const annotations = { [snapshotMarks.run]: run, [snapshotMarks.backup]: backup }
  return {
    namespace,
    name: `velero-${name.slice(0, 200)}-${own}`,
    claim: name,
    snapshotClass,
    labels: { ...labels, [labelKeys.backupName]: labelValue(backupName) },
    annotations,
    keeping: { deletionPolicy, labels: { [snapshotMarks.backup]: backup }, annotations },
  }
}

/** The name of the VolumeGroupSnapshot of a group, so that asking twice makes one. */
export function groupName(
  { namespace, group }: { namespace: string; group: string },
  { run }: Pick<BackupIdentity, 'run'>,
): string {
  // Labels may hold what names may not.
  const readable = group.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  return `velero-${readable}-${digest(`${run} ${namespace}/${group}`, 10)}`
}

export interface TakenSnapshot {
  readonly snapshot: VolumeSnapshot
  readonly content: VolumeSnapshotContent
  /** Of a member of a group: the handles of all members, without which the storage does not delete it. */
  readonly groupHandles?: readonly string[] | undefined
}

/** A claim as it is stored beside its snapshot (spec/volumes §1.1): it says which one, and asks for room enough. */
export function claimWithSnapshot(claim: KubeObject, { snapshot }: TakenSnapshot, backupName: string): KubeObject {
  const { name } = snapshot.metadata
  const { labels, annotations } = claim.metadata
  const metadata = {
    ...claim.metadata,
    labels: {
      ...labels,
      [labelKeys.volumeSnapshotName]: labelValue(name),
      [labelKeys.backupName]: labelValue(backupName),
    },
    annotations: { ...annotations, [annotationKeys.volumeSnapshotName]: name },
  }
  return withRoomFor({ ...claim, metadata }, snapshot.status?.restoreSize)
}

function withRoomFor(claim: KubeObject, size: string | undefined): KubeObject {
  const spec = objectOf(claim['spec']) ?? {}
  const resources = objectOf(spec['resources']) ?? {}
  const requests = objectOf(resources['requests']) ?? {}
  if (size === undefined || bytesOf(size) <= bytesOf(textOf(requests['storage']))) return claim
  return { ...claim, spec: { ...spec, resources: { ...resources, requests: { ...requests, storage: size } } } }
}

function bytesOf(quantity: string | undefined): bigint {
  try {
    return quantity === undefined ? 0n : parseQuantity(quantity)
  } catch (error) {
    if (error instanceof SelectionError) return 0n
    throw error
  }
}

/** When it was taken, for the manifest. */
export function snapshotTime({ snapshot, content }: TakenSnapshot): SnapshotTime {
  return {
    namespace: snapshot.metadata.namespace ?? '',
    claim: snapshot.spec?.source?.persistentVolumeClaimName ?? '',
    handle: content.status?.snapshotHandle ?? '',
    taken: snapshot.status?.creationTime ?? '',
  }
}

/** The VolumeSnapshot as it is stored: with what a restore has to know of the storage. */
export function storedSnapshot({ snapshot, content }: TakenSnapshot): VolumeSnapshot {
  const { driver, deletionPolicy } = content.spec ?? {}
  const facts: Record<string, string | undefined> = {
    [annotationKeys.volumeSnapshotContentDeletionPolicy]: deletionPolicy,
    [annotationKeys.volumeSnapshotHandle]: content.status?.snapshotHandle,
    [annotationKeys.csiDriverName]: driver,
    [annotationKeys.volumeSnapshotRestoreSize]: snapshot.status?.restoreSize,
    [annotationKeys.volumeGroupSnapshotHandle]: content.status?.volumeGroupSnapshotHandle,
  }
  const known = Object.fromEntries(
    Object.entries(facts).filter((fact): fact is [string, string] => fact[1] !== undefined),
  )
  // What a restore makes of it is no snapshot that this backup is taking.
  const unmarked = without(snapshot.metadata.annotations ?? {}, Object.values(snapshotMarks))
  const annotations = { ...unmarked, ...known }
  const single = withoutGroup(snapshot)
  return { ...single, metadata: { ...single.metadata, annotations } }
}

/** The content as it is stored: the label says whose it is, and by it the deletion of the backup finds it. */
export function storedContent({ content, groupHandles }: TakenSnapshot, backupName: string): VolumeSnapshotContent {
  const marks = Object.values(snapshotMarks)
  const { labels, annotations, ...metadata } = content.metadata
  const group = groupHandles && { [annotationKeys.groupMembers]: JSON.stringify(groupHandles) }
  const others = { ...without(annotations ?? {}, marks), ...group }
  return {
    ...content,
    metadata: {
      ...metadata,
      labels: { ...without(labels ?? {}, marks), [labelKeys.backupName]: labelValue(backupName) },
      ...(Object.keys(others).length > 0 ? { annotations: others } : {}),
    },
  }
}

function digest(text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length)
}
