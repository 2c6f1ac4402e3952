import { createHash, randomUUID } from 'node:crypto'
import { annotationKeys, labelKeys, labelValue } from '#api/labels.ts'
import type { Restore } from '#api/restore.ts'
import type { Outcome } from '#apply/outcome.ts'
import type { VolumeInfo } from '#archive/volume-info.ts'
import type { NativeSnapshot } from '#archive/volume-snapshots.ts'
import { claimedBy } from '#items/related.ts'
import { PersistentVolumes } from '#kube/core-types.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { targetNamespace } from '#selection/restore-scope.ts'
import { noSnapshotter, SnapshotError, type OpenSnapshotter, type VolumeSnapshotter } from '#volumes/snapshotter.ts'
import { volumeToGo } from './volume-to-go.ts'

export interface NativeVolumeOptions {
  readonly restore: Restore
  readonly kube: KubeClient
  /** Of the backup, by name of the PersistentVolume. */
  readonly snapshots: ReadonlyMap<string, NativeSnapshot>
  /** Absent where there are no locations. */
  readonly open: OpenSnapshotter | undefined
  /** How long a volume that is going may take to be gone, in milliseconds; default ten minutes, as Velero. */
  readonly patience?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** The PersistentVolume to be made, or why its data cannot come back. */
export type Refilled = { readonly volume: KubeObject } | { readonly fault: string }

/** PersistentVolumes that come back from snapshots of a provider (spec/restore §8.2). */
export interface NativeVolumes extends AsyncDisposable {
  /** Has a disk made for an archived volume. One that is in the cluster and in use stays as it is, and so does its disk. Rejects with KubeError or the signal's reason. */
  refill(volume: KubeObject): Promise<Refilled>
  /** Names in the cluster, by those in the archive, where they differ. */
  readonly renamed: ReadonlyMap<string, string>
  /** To be told what became of each object: a disk that no PersistentVolume came to stand for is deleted in the end. */
  took(outcome: Outcome): void
  /** Entries of the restore's volume info (spec/object-store §12). */
  infos(): VolumeInfo[]
}

interface Disk {
  readonly id: string
  /** Made by this run, and not by one before it that was cut off. */
  readonly isNew: boolean
  readonly snapshotter: VolumeSnapshotter
  readonly volume: KubeObject
  readonly snapshot: NativeSnapshot
  end: Outcome['action'] | 'unknown'
}

/** Asks no provider before the first volume. */
export function openNativeVolumes(options: NativeVolumeOptions): NativeVolumes {
  const { restore, open = noSnapshotter, snapshots } = options
  // Without an installation nobody takes up a restore.
  const identity = restore.metadata.uid ?? randomUUID()
  const opened = new Map<string, Promise<VolumeSnapshotter>>()
  const renamed = new Map<string, string>()
  const disks = new Map<string, Disk>()
  const atLocation = (name: string): Promise<VolumeSnapshotter> => {
    const known = opened.get(name) ?? open(name)
    opened.set(name, known)
    return known
  }
  return {
    renamed,
    async refill(volume) {
      const snapshot = snapshots.get(volume.metadata.name)
      if (!snapshot?.status.providerSnapshotID) return { fault: withoutSnapshot(snapshot) }
      try {
        const snapshotter = await atLocation(snapshot.spec.location)
        const made = await refill(volume, { ...options, snapshot, snapshotter, identity })
        if ('fault' in made) return made
        if (made.volume.metadata.name !== volume.metadata.name) {
          renamed.set(volume.metadata.name, made.volume.metadata.name)
        }
        if (made.disk !== undefined) {
          const { disk } = made
          disks.set(volume.metadata.name, { ...disk, volume: made.volume, snapshotter, snapshot, end: 'unknown' })
        }
        return made
      } catch (error) {
        if (!(error instanceof SnapshotError)) throw error
        return { fault: error.message }
      }
    },
    took({ resource, name, action }) {
      const disk = resource === PersistentVolumes.plural ? disks.get(name) : undefined
      if (disk !== undefined) disk.end = action
    },
    infos: () => [...disks.values()].filter(({ end }) => end === 'created').map((disk) => infoOf(disk, restore)),
    async [Symbol.asyncDispose]() {
      for (const { end, id, isNew, snapshotter } of disks.values()) {
        // What became of the others is not known: the next run of this restore finds them.
        if (isNew && (end === 'failed' || end === 'skipped')) await snapshotter.discard(id).catch(() => undefined)
      }
      for (const opening of opened.values()) await (await opening.catch(() => undefined))?.close()
    },
  }
}

/** What a rehearsal says of them: each comes back that has a snapshot. */
export function plannedVolumes(snapshots: ReadonlyMap<string, NativeSnapshot>): NativeVolumes {
  return {
    renamed: new Map(),
    async refill(volume) {
      const snapshot = snapshots.get(volume.metadata.name)
      return snapshot?.status.providerSnapshotID ? { volume } : { fault: withoutSnapshot(snapshot) }
    },
    took: () => undefined,
    infos: () => [],
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

function withoutSnapshot(snapshot: NativeSnapshot | undefined): string {
  return snapshot === undefined
    ? 'the backup does not say which snapshot has its data'
    : 'no snapshot of it could be taken for this backup, so its data are not in it'
}

interface Refilling extends NativeVolumeOptions {
  readonly snapshot: NativeSnapshot
  readonly snapshotter: VolumeSnapshotter
  readonly identity: string
}

/** `disk`: the one that has been made for it; none where the volume is not this restore's. */
type Made = { volume: KubeObject; disk?: Pick<Disk, 'id' | 'isNew'> } | { fault: string }

async function refill(archived: KubeObject, refilling: Refilling): Promise<Made> {
  const { restore, kube, snapshotter, snapshot, signal, patience } = refilling
  const { name } = archived.metadata
  const zone = snapshotter.zoneFor(snapshot.spec.volumeAZ ?? '')
  const live = await kube.find(PersistentVolumes, name, { signal })
  const moves = live !== undefined && !isOf(live, restore) && isMapped(archived, restore)
  const wanted = moves ? cloneOf(archived, refilling) : archived
  const there = moves ? await kube.find(PersistentVolumes, wanted.metadata.name, { signal }) : live
  if (there !== undefined && isOf(there, restore)) {
    // A run of this restore that was cut off has made it.
    const id = snapshotter.volumeId(there) ?? ''
    return { volume: snapshotter.withVolume(wanted, { id, zone }), disk: { id, isNew: false } }
  }
  if (there !== undefined) {
    const going = await volumeToGo(there, { kube, patience, signal })
    if (going === 'in-use') return { volume: archived }
    if (going !== 'gone') return { fault: going.fault }
  }
  const id = await snapshotter.restore({ ...orderOf(snapshot, refilling), zone, signal })
  return { volume: snapshotter.withVolume(wanted, { id, zone }), disk: { id, isNew: true } }
}

function orderOf({ spec, status }: NativeSnapshot, { identity }: Refilling) {
  const snapshotId = status.providerSnapshotID ?? ''
  const token = `lifeboat-${digest(`${identity}/${spec.persistentVolumeName}/${snapshotId}`).slice(0, 40)}`
  return { snapshotId, type: spec.volumeType, iops: spec.volumeIOPS || undefined, token }
}

function isOf({ metadata }: KubeObject, restore: Restore): boolean {
  return metadata.labels?.[labelKeys.restoreName] === labelValue(restore.metadata.name)
}

/** Whether its claim comes to another namespace, so that old and new volume can be there together. */
function isMapped(volume: KubeObject, { spec }: Restore): boolean {
  const namespace = claimedBy(volume)?.namespace
  return namespace !== undefined && targetNamespace(namespace, spec.namespaceMapping) !== namespace
}

/** The volume under a name of its own, the same in each run of the restore. */
function cloneOf({ metadata, ...rest }: KubeObject, { identity }: Refilling): KubeObject {
  const hex = digest(`${identity}/${metadata.name}`)
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)]
  const annotations = { ...metadata.annotations, [annotationKeys.originalPvName]: metadata.name }
  return { ...rest, metadata: { ...metadata, name: `velero-clone-${parts.join('-')}`, annotations } } as KubeObject
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function infoOf({ volume, snapshot }: Disk, { spec: { namespaceMapping } }: Restore): VolumeInfo {
  const { spec, status } = snapshot
  const claim = claimedBy(volume)
  return {
    ...(claim === undefined
      ? {}
      : { pvcName: claim.name, pvcNamespace: targetNamespace(claim.namespace ?? '', namespaceMapping) }),
    pvName: volume.metadata.name,
    restoreMethod: 'NativeSnapshot',
    snapshotDataMoved: false,
    nativeSnapshotInfo: {
      snapshotHandle: status.providerSnapshotID ?? '',
      volumeType: spec.volumeType,
      volumeAZ: spec.volumeAZ ?? '',
      iops: String(spec.volumeIOPS ?? 0),
    },
  }
}
