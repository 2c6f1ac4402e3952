import type { KubeObject } from '#kube/object.ts'

/** What a provider could not do, by whose turn it is: `quota` and `denied` are the account's, `busy` and `unreachable` pass. */
export type SnapshotProblem = 'missing' | 'denied' | 'quota' | 'busy' | 'unreachable' | 'invalid'

/** Why a provider took no snapshot, made no volume or could not be asked; the message names the volume or snapshot, what is wrong and the next step. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError'
  readonly problem: SnapshotProblem
  constructor(problem: SnapshotProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
}

/** What makes a volume of a provider what it is, besides its data. */
export interface VolumeFeatures {
  /** The provider's word, such as `gp3`. */
  readonly type: string
  /** Only where the provider guarantees a number that somebody chose. */
  readonly iops: number | undefined
}

/** A snapshot to be taken. */
export interface SnapshotOrder {
  readonly volumeId: string
  readonly tags: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
}

/** A volume to be made from a snapshot. */
export interface VolumeOrder extends VolumeFeatures {
  readonly snapshotId: string
  /** Where the volume is to be; empty when nobody knows. */
  readonly zone: string
  /** The same token never makes two volumes. */
  readonly token: string
  readonly signal?: AbortSignal | undefined
}

/**
 * One location of a provider that takes snapshots of whole volumes by its own API (spec/volumes §2). Methods that ask the provider reject
 * with SnapshotError, or with the reason of the signal.
 */
export interface VolumeSnapshotter {
  /** The provider's name for what is behind a PersistentVolume; undefined when it is none of this provider's volumes. Throws SnapshotError for one that does not say which. */
  volumeId(volume: KubeObject): string | undefined
  /** The PersistentVolume with `id` behind it, which lies in `zone` ('' when nobody knows). */
  withVolume(volume: KubeObject, volumeOf: { id: string; zone: string }): KubeObject
  /** Where volumes that were in `zone` are made again: elsewhere only if the location says so. */
  zoneFor(zone: string): string
  features(volumeId: string, signal?: AbortSignal): Promise<VolumeFeatures>
  /** Resolves to the snapshot's id when the provider has taken it; its data may still be on their way. */
  take(order: SnapshotOrder): Promise<string>
  /** Has the snapshot copied to where the location says, when its data are complete; `delete` takes the copy along. Absent where nothing is copied. */
  readonly copy?: ((snapshotId: string, signal?: AbortSignal) => Promise<void>) | undefined
  /** Snapshots that carry all of these tags. */
  tagged(tags: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<string[]>
  /** Resolves to the new volume's id when it can be used. */
  restore(order: VolumeOrder): Promise<string>
  /** Deleting what is not there is no error. */
  delete(snapshotId: string, signal?: AbortSignal): Promise<void>
  /** Deletes a volume that `restore` has made and nobody is going to use. */
  discard(volumeId: string, signal?: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** Opens the VolumeSnapshotLocation of this name; rejects with SnapshotError when there is none, or it cannot work. The caller closes it. */
export type OpenSnapshotter = (location: string) => Promise<VolumeSnapshotter>

/** For callers that have no locations. */
export const noSnapshotter: OpenSnapshotter = async (location) => {
  throw new SnapshotError('invalid', `volume snapshot location "${location}" cannot be opened here`)
}
