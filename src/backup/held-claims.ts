import { PersistentVolumeClaims } from '#kube/core-types.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import type { CollectedItem } from '#collect/collect.ts'
import { skipReason, type BackupScope } from '#selection/backup-scope.ts'
import type { SnapshotOrder } from '#volumes/snapshot-order.ts'
import { placeOf } from './place.ts'
import type { VolumeGroup } from './volume-groups.ts'
import type { PlannedVolume, VolumePlanner } from './volume-planner.ts'

/** A claim by its name. */
export interface ClaimName {
  readonly namespace: string
  readonly name: string
}

/** A claim of the backup that waits for its snapshot. */
export interface HeldClaim {
  readonly claim: KubeObject
  /** As it came by; undefined while only a hook has asked for it. */
  item: CollectedItem | undefined
  planned: PlannedVolume | undefined
  /** Of its CSI snapshot, if it gets one by itself. */
  order: SnapshotOrder | undefined
  /** That it is snapshotted with, if it is. */
  group: VolumeGroup | undefined
}

/** The CSI snapshot of a claim; undefined where none is taken, or the group has none for it, or not yet. */
export function orderOf({ claim, order, group }: HeldClaim): SnapshotOrder | undefined {
  return order ?? group?.orderOf(claim.metadata.name)
}

/** Whether a CSI snapshot of the claim is to be taken, whatever comes of it. */
export function isSnapshotted({ order, group }: HeldClaim): boolean {
  return order !== undefined || group !== undefined
}

export interface PlannedClaim {
  readonly held: HeldClaim
  readonly planned: PlannedVolume
}

export interface HeldClaimsOptions {
  readonly kube: KubeClient
  readonly scope: BackupScope
  readonly planner: VolumePlanner
  /** Claims are decided about as soon as they come, else when somebody asks. */
  readonly early: boolean
  /** Hears of claims that have been planned, and is waited for. */
  readonly onPlanned: (claims: readonly PlannedClaim[]) => Promise<void>
  readonly signal?: AbortSignal | undefined
}

/** The claims of one backup: each is decided about once, many at a time. */
export class HeldClaims {
  readonly #options: HeldClaimsOptions
  readonly #claims = new Map<string, HeldClaim>()
  /** Nobody has decided about these. */
  #arrived: HeldClaim[] = []
  #planning: Promise<void> | undefined
  #failure: unknown

  constructor(options: HeldClaimsOptions) {
    this.#options = options
  }

  /** In the order in which they came. */
  all(): readonly HeldClaim[] {
    return [...this.#claims.values()]
  }

  has(claim: ClaimName): boolean {
    return this.#claims.has(placeOf(claim))
  }

  /** One that comes again is the one that is known. */
  note(claim: KubeObject): HeldClaim {
    const key = placeOf(claim.metadata)
    const known = this.#claims.get(key)
    if (known !== undefined && known.claim.metadata.uid === claim.metadata.uid) return known
    const held: HeldClaim = { claim, item: undefined, planned: undefined, order: undefined, group: undefined }
    this.#claims.set(key, held)
    this.#arrived.push(held)
    if (this.#options.early) this.#planning ??= this.#plan()
    return held
  }

  /** A claim that a hook's pod mounts may not have come by yet; undefined when it stays out of the backup. */
  async find({ namespace, name }: ClaimName): Promise<HeldClaim | undefined> {
    const known = this.#claims.get(placeOf({ namespace, name }))
    if (known !== undefined) return known
    const { kube, scope, signal } = this.#options
    const object = await kube.find(PersistentVolumeClaims, name, { namespace, signal })
    if (
      object === undefined ||
      skipReason({ type: PersistentVolumeClaims, namespace, name, object }, scope, 'related') !== undefined
    )
      return undefined
    return this.note(object)
  }

  forget(claim: ClaimName): void {
    this.#claims.delete(placeOf(claim))
  }

  /** Resolves when all claims that have come are decided about; rejects when that cannot be done. */
  async planned(): Promise<void> {
    while (this.#arrived.length > 0 || this.#planning !== undefined) await (this.#planning ??= this.#plan())
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Decides about all that have come; more may come meanwhile. */
  async #plan(): Promise<void> {
    try {
      // The rest of the page.
      await new Promise((resolve) => setImmediate(resolve))
      while (this.#arrived.length > 0) await this.#planThese(this.#arrived.splice(0))
    } catch (error) {
      this.#failure = error
    } finally {
      this.#planning = undefined
    }
  }

  async #planThese(arrived: readonly HeldClaim[]): Promise<void> {
    const { planner, onPlanned } = this.#options
    const planned = await planner.ofClaims(arrived.map(({ claim }) => claim))
    const claims = arrived.map((held, index) => ({ held, planned: planned[index]! }))
    for (const one of claims) one.held.planned = one.planned
    await onPlanned(claims)
  }
}
