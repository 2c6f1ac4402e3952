import type { Backup } from '#api/backup.ts'
import { parseDuration } from '#api/duration.ts'
import type { SnapshotTime } from '#archive/manifest.ts'
import type { RunLog } from '#archive/run-log.ts'
import type { VolumeInfo } from '#archive/volume-info.ts'
import type { CollectedItem, Collection } from '#collect/collect.ts'
import { itemOf, kept } from '#collect/collected.ts'
import type { Cut } from '#collect/cut.ts'
import { claimedBy } from '#items/related.ts'
import { PersistentVolumeClaims } from '#kube/core-types.ts'
import type { KubeClient } from '#kube/client.ts'
import { withObject, withoutManagedFields, type KubeObject } from '#kube/object.ts'
import { rawObject } from '#kube/raw-object.ts'
import type { BackupScope } from '#selection/backup-scope.ts'
import type { VolumePolicy } from '#selection/resource-policies.ts'
import { groupTypesOf, type GroupTypes } from '#volumes/group-types.ts'
import type { SnapshotOrder } from '#volumes/snapshot-order.ts'
import type { SnapshotState } from '#volumes/snapshot-run.ts'
import { openSnapshots, type Snapshots } from '#volumes/snapshots.ts'
import { HeldClaims, isSnapshotted, orderOf, type ClaimName, type HeldClaim, type PlannedClaim } from './held-claims.ts'
import { placeOf } from './place.ts'
import { clearSnapshots, type SnapshotClearing } from './snapshot-clearing.ts'
import {
  claimWithSnapshot,
  snapshotOrder,
  snapshotTime,
  type BackupIdentity,
  type TakenSnapshot,
} from './snapshot-items.ts'
import { openSnapshotOperations, type SnapshotOperations } from './snapshot-operations.ts'
import { snapshotCompanions } from './snapshot-companions.ts'
import type { NativeSnapshots } from './native-snapshots.ts'
import { reportVolumes, type VolumeEnd } from './volume-report.ts'
import { VolumeGroups } from './volume-groups.ts'
import { volumePlanner, type PlannedVolume, type VolumePlanner } from './volume-planner.ts'

export interface BackupVolumesOptions {
  readonly backup: Backup
  readonly kube: KubeClient
  readonly cut: Cut
  readonly scope: BackupScope
  readonly policies: readonly VolumePolicy[]
  readonly identity: BackupIdentity
  readonly natives: NativeSnapshots
  readonly log: RunLog
  readonly now: () => Date
  readonly signal?: AbortSignal | undefined
  /** True when an earlier run of this very backup was cut off, so that there may be snapshots of it. */
  readonly resumes?: boolean | undefined
  /** Whether the snapshot of a claim that these pods mount is left to `take`; without it none is. */
  readonly leftToHooks?: ((pods: readonly KubeObject[]) => boolean) | undefined
}

/** The volumes of one backup: what becomes of each, and the CSI snapshots of those that are snapshotted. */
export interface BackupVolumes extends AsyncDisposable {
  readonly operations: SnapshotOperations
  /** The items of the backup, and behind them the claims that had to wait for their snapshots, with these. */
  items(read: AsyncIterable<CollectedItem>, collection: Pick<Collection, 'gone'>): AsyncIterable<CollectedItem>
  /** Whether `items` has made an item ready to be stored. */
  isReady(item: CollectedItem): boolean
  /** Snapshots these claims now; resolves when each snapshot is taken or has failed, which counts against the backup, not the caller. */
  take(claims: readonly ClaimName[]): Promise<void>
  /** Whether some `take` has not come to its end: its snapshots may be cut when the applications that stood still for them go on again. */
  readonly isTaking: boolean
  /** The entries of the volume info; final when `items` has ended. */
  infos(): VolumeInfo[]
  /** When the snapshots in the backup were taken; final when `items` has ended. */
  readonly times: readonly SnapshotTime[]
  /** When `release` has to come, after the backup is stored: never, at once, or at any time, since nothing that is done to VolumeSnapshots takes data away. Final when `items` has ended. */
  readonly releases: 'never' | 'at-once' | 'at-leisure'
  /** How many CSI snapshots were asked for, and how many are in the backup. */
  readonly counts: { attempted: number; completed: number }
  /** After the backup is stored: its snapshots leave the cluster and stay in the storage; those that are not in it go. Gives what could not be done. */
  release(): Promise<string[]>
  /** Instead of a backup: every snapshot goes. */
  discard(): Promise<string[]>
}

const TEN_MINUTES_MS = 600_000

/** Asks nothing of the cluster before the first claim comes by. */
export function openBackupVolumes(options: BackupVolumesOptions): BackupVolumes {
  return new VolumesOfBackup(options)
}

class VolumesOfBackup implements BackupVolumes {
  readonly operations: SnapshotOperations
  readonly #options: BackupVolumesOptions
  readonly #planner: VolumePlanner
  readonly #snapshots: Snapshots
  readonly #claims: HeldClaims
  readonly #groupTypes: GroupTypes | undefined
  readonly #groups: VolumeGroups
  /** PersistentVolumes in the backup. */
  readonly #volumes = new Map<string, KubeObject>()
  readonly #stored: TakenSnapshot[] = []
  readonly #ready = new WeakSet<CollectedItem>()
  #infos: VolumeInfo[] = []
  #ordered = false
  #takes = 0
  /** Snapshots may be made while the lists are still read. */
  readonly #early: boolean

  constructor(options: BackupVolumesOptions) {
    this.#options = options
    const { backup, kube, scope, identity, now, signal, policies } = options
    this.#planner = volumePlanner(options)
    this.#early = this.#planner.servesSnapshots && (backup.spec.snapshotVolumes !== false || policies.length > 0)
    this.#claims = new HeldClaims({
      kube,
      scope,
      planner: this.#planner,
      early: this.#early,
      signal,
      onPlanned: (claims) => this.#order(claims),
    })
    const timeoutMillis = parseDuration(backup.spec.csiSnapshotTimeout || '0') || TEN_MINUTES_MS
    const { labelSelector } = identity
    const version = options.cut.resourceVersion
    this.#snapshots = openSnapshots({ kube, labelSelector, version, timeoutMillis, now, signal })
    this.#groupTypes = groupTypesOf(options.cut.types)
    const parts = { planner: this.#planner, snapshots: this.#snapshots, types: this.#groupTypes }
    this.#groups = new VolumeGroups({ ...options, ...parts, timeoutMillis })
    const begun = (): Promise<readonly SnapshotOrder[]> => this.#allOrders()
    this.operations = openSnapshotOperations({ backup, snapshots: this.#snapshots, now, signal, begun })
  }

  async *items(
    read: AsyncIterable<CollectedItem>,
    collection: Pick<Collection, 'gone'>,
  ): AsyncGenerator<CollectedItem, void, void> {
    for await (const item of read) {
      if (item.type.group === '' && item.type.plural === 'persistentvolumes') this.#seeVolume(item)
      if (item.type.group !== '' || item.type.plural !== PersistentVolumeClaims.plural) yield item
      else if (!this.#hold(item)) yield item
    }
    await this.#allOrders()
    for (const { type, namespace, name } of collection.gone) {
      if (type.group === '' && type.plural === PersistentVolumeClaims.plural)
        this.#claims.forget({ namespace: namespace ?? '', name })
    }
    yield* this.#heldItems()
    for (const planned of this.#unclaimed()) this.#beginNative(planned)
    await this.#options.natives.taken()
    await this.#options.natives.copied()
    const groupsServed = this.#groupTypes !== undefined
    this.#infos = reportVolumes([...this.#ends()], { ...this.#options, groupsServed })
  }

  isReady(item: CollectedItem): boolean {
    return this.#ready.has(item)
  }

  get isTaking(): boolean {
    return this.#takes > 0
  }

  async take(claims: readonly ClaimName[]): Promise<void> {
    this.#takes += 1
    const held = await Promise.all(claims.map((claim) => this.#claims.find(claim)))
    await this.#claims.planned()
    for (const order of held.flatMap((one) => one?.order ?? [])) this.#snapshots.start({ ...order, hurried: true })
    for (const one of held) this.#beginNative(one?.planned)
    await Promise.all(held.map(async (one) => await one?.group?.cut({ hurried: true })))
    const orders = held.flatMap((one) => (one && orderOf(one)) ?? [])
    await Promise.all([this.#snapshots.taken(orders), this.#options.natives.taken()])
    this.#takes -= 1
  }

  infos(): VolumeInfo[] {
    return this.#infos
  }

  get times(): SnapshotTime[] {
    return this.#stored.map(snapshotTime)
  }

  get counts(): { attempted: number; completed: number } {
    const attempted = this.#claims.all().filter(isSnapshotted).length
    return { attempted, completed: this.#stored.length }
  }

  get releases(): BackupVolumes['releases'] {
    if (!this.#planner.servesSnapshots || (!this.#ordered && this.#options.resumes !== true)) return 'never'
    return this.#claims.all().some(({ group }) => group !== undefined) ? 'at-once' : 'at-leisure'
  }

  async release(): Promise<string[]> {
    const kept = new Set(this.#stored.map(({ snapshot }) => placeOf(snapshot.metadata)))
    return await this.#clear({ kept, namesakes: true })
  }

  async discard(): Promise<string[]> {
    // A namesake's may be of a run that is under way, and that will be stored in place of this one.
    return await this.#clear({})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#groups[Symbol.asyncDispose]()
    await this.#snapshots[Symbol.asyncDispose]()
  }

  async #clear(end: Pick<SnapshotClearing, 'kept' | 'namesakes'>): Promise<string[]> {
    if (this.releases === 'never') return []
    const { kube, identity } = this.#options
    // A call that is under way must not make one behind our back.
    await this[Symbol.asyncDispose]()
    const failedGroups = await this.#groups.failed()
    return await clearSnapshots({ kube, identity, groupTypes: this.#groupTypes, failedGroups, ...end })
  }

  #seeVolume(item: CollectedItem): void {
    const object = withoutManagedFields(item.object)
    this.#volumes.set(item.name, object)
    this.#planner.know(object)
  }

  /** True for a claim that waits for its snapshot. One that comes again is as it is at the end. */
  #hold(read: CollectedItem): boolean {
    const held = this.#claims.note(withoutManagedFields(read.object))
    if (!this.#early) return false
    this.#snapshots.expect()
    held.item = kept(read)
    return true
  }

  async #order(claims: readonly PlannedClaim[]): Promise<void> {
    const { identity, backup, leftToHooks } = this.#options
    const inGroups = new Set(claims.map(({ held }) => held).filter(({ claim }) => this.#groups.takes(claim)))
    for (const { held, planned } of claims) {
      const starts = leftToHooks?.(planned.pods) !== true
      if (starts) this.#beginNative(planned)
      if (planned.protection.by !== 'csi-snapshot') {
        inGroups.delete(held)
        continue
      }
      this.#ordered = true
      if (inGroups.has(held)) continue
      held.order = snapshotOrder(held.claim, { identity, backupName: backup.metadata.name, ...planned.protection })
      if (starts) this.#snapshots.start(held.order)
    }
    for (const held of inGroups) held.group = await this.#groups.of(held.claim)
  }

  /** Nothing more comes: what nobody has started is, and all are taken or have failed. */
  async #allOrders(): Promise<SnapshotOrder[]> {
    await this.#claims.planned()
    for (const { order, planned } of this.#claims.all()) {
      if (order !== undefined) this.#snapshots.start(order)
      this.#beginNative(planned)
    }
    await this.#groups.cut()
    const orders = this.#claims.all().flatMap((held) => orderOf(held) ?? [])
    await Promise.all([this.#snapshots.taken(orders), this.#options.natives.taken()])
    return orders
  }

  async *#heldItems(): AsyncGenerator<CollectedItem, void, void> {
    const { name } = this.#options.backup.metadata
    for (const held of this.#claims.all()) {
      const { item } = held
      if (item === undefined) continue
      const taken = this.#takenOf(held)
      if (!isSnapshotted(held)) yield item
      else if (taken !== undefined) {
        this.#stored.push(taken)
        // The archive would take the bytes of what was read.
        yield this.#readyItem(withObject(item, claimWithSnapshot(item.object, taken, name)))
      }
    }
    for await (const { type, object } of snapshotCompanions(this.#stored, { ...this.#options, backupName: name }))
      yield this.#readyItem(itemOf(type, rawObject(object), { later: true }))
  }

  #readyItem(item: CollectedItem): CollectedItem {
    this.#ready.add(item)
    return item
  }

  #stateOf(held: HeldClaim): SnapshotState | undefined {
    const order = orderOf(held)
    if (order !== undefined) return this.#snapshots.stateOf(order)
    return held.group && { is: 'failed', reason: held.group.reasonFor(held.claim.metadata.name) }
  }

  #takenOf(held: HeldClaim): TakenSnapshot | undefined {
    const state = this.#stateOf(held)
    return state?.is === 'ready' ? { ...state, groupHandles: held.group?.handles } : undefined
  }

  /** Every volume of the backup: those of its claims, and those that no claim in it has. */
  *#ends(): Generator<VolumeEnd, void, void> {
    for (const held of this.#claims.all()) {
      const { item, planned } = held
      const order = orderOf(held)
      // Without an item only a hook asked for it.
      if (planned === undefined || (this.#early && item === undefined)) continue
      yield { planned, state: this.#stateOf(held), operation: order && this.operations.of(order) }
    }
    for (const planned of this.#unclaimed()) yield { planned, state: undefined, operation: undefined }
  }

  /** Volumes of the backup that no claim in it has. */
  *#unclaimed(): Generator<PlannedVolume, void, void> {
    for (const volume of this.#volumes.values()) {
      const owner = claimedBy(volume)
      if (owner !== undefined && this.#claims.has({ namespace: owner.namespace ?? '', name: owner.name })) continue
      yield this.#planner.ofVolume(volume)
    }
  }

  #beginNative(planned: PlannedVolume | undefined): void {
    if (planned?.protection.by !== 'native-snapshot' || planned.volume === undefined) return
    this.#options.natives.begin(planned.volume)
  }
}
