import type { Backup } from '#api/backup.ts'
import { labelKeys, labelValue } from '#api/labels.ts'
import type { RunLog } from '#archive/run-log.ts'
import { isFatal } from '#collect/start.ts'
import { chooseGroupClass } from '#items/group-class.ts'
import { PersistentVolumeClaims } from '#kube/core-types.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import type { GroupOrder } from '#volumes/group-order.ts'
import { cutGroup, type GroupEnd } from '#volumes/group-run.ts'
import type { GroupTypes } from '#volumes/group-types.ts'
import type { SnapshotOrder } from '#volumes/snapshot-order.ts'
import type { Snapshots } from '#volumes/snapshots.ts'
import { groupName, snapshotMarks, type BackupIdentity } from './snapshot-items.ts'
import type { PlannedVolume, VolumePlanner } from './volume-planner.ts'

export interface VolumeGroupsOptions {
  readonly backup: Backup
  readonly kube: KubeClient
  /** Undefined where the cluster serves no groups: then there are none. */
  readonly types: GroupTypes | undefined
  readonly planner: VolumePlanner
  /** Follow the members. */
  readonly snapshots: Snapshots
  readonly identity: BackupIdentity
  /** Milliseconds in which a group has to be snapshotted. */
  readonly timeoutMillis: number
  readonly leftToHooks?: ((pods: readonly KubeObject[]) => boolean) | undefined
  readonly log: RunLog
  readonly now: () => Date
  readonly signal?: AbortSignal | undefined
}

/** The volume groups of one backup: claims of a namespace with the same label, of which the storage takes one snapshot (spec/volumes §1.4). */
export class VolumeGroups implements AsyncDisposable {
  readonly #options: VolumeGroupsOptions
  readonly #groups = new Map<string, Promise<VolumeGroup>>()
  readonly #end = new AbortController()
  readonly #labelKey: string

  constructor(options: VolumeGroupsOptions) {
    this.#options = options
    this.#labelKey = options.backup.spec.volumeGroupSnapshotLabelKey || labelKeys.volumeGroup
  }

  /** Whether a claim is snapshotted with a group. */
  takes({ metadata }: KubeObject): boolean {
    return this.#options.types !== undefined && Boolean(metadata.labels?.[this.#labelKey])
  }

  /** The group of a claim that it takes. A new one begins at once, unless hooks say when. Rejects with KubeError when the cluster is lost. */
  async of({ metadata }: KubeObject): Promise<VolumeGroup | undefined> {
    const { types } = this.#options
    const value = metadata.labels?.[this.#labelKey]
    if (types === undefined || !value) return undefined
    const { namespace = '' } = metadata
    const key = `${namespace}/${value}`
    const group = this.#groups.get(key) ?? this.#form({ namespace, value, types })
    this.#groups.set(key, group)
    return await group
  }

  /** Resolves when every group is snapshotted or has failed. */
  async cut(): Promise<void> {
    const groups = await Promise.all(this.#groups.values())
    await Promise.all(groups.map((group) => group.cut()))
  }

  /** Names of the VolumeGroupSnapshots that are of no use. */
  async failed(): Promise<ReadonlySet<string>> {
    const ends = await Promise.allSettled(this.#groups.values())
    const groups = ends.flatMap((end) => (end.status === 'fulfilled' ? end.value : []))
    return new Set(groups.flatMap(({ name, failure }) => (failure === undefined ? [] : (name ?? []))))
  }

  /** Afterwards no call is on its way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort()
    for (const group of await Promise.allSettled(this.#groups.values()))
      if (group.status === 'fulfilled') await group.value.cut().catch(() => undefined)
  }

  async #form(of: { namespace: string; value: string; types: GroupTypes }): Promise<VolumeGroup> {
    const { planner, kube, signal, leftToHooks } = this.#options
    const options = { ...this.#options, types: of.types, stop: this.#stop() }
    try {
      const labelSelector = `${this.#labelKey}=${of.value}`
      const pages = kube.pages(PersistentVolumeClaims, { namespace: of.namespace, labelSelector, signal })
      const planned = await planner.ofClaims((await Array.fromAsync(pages)).flatMap(({ items }) => items))
      const order = await this.#orderFor(of, planned)
      const group = new VolumeGroup(of.value, order, options)
      if (!planned.some(({ pods }) => leftToHooks?.(pods) === true)) void group.cut().catch(() => undefined)
      return group
    } catch (error) {
      if (await isFatal(error, { kube, signal })) throw error
      return new VolumeGroup(of.value, `its members cannot be read: ${(error as Error).message}`, options)
    }
  }

  /** What is asked of the storage, or why nothing is. */
  async #orderFor(
    { namespace, value, types }: { namespace: string; value: string; types: GroupTypes },
    planned: readonly PlannedVolume[],
  ): Promise<GroupOrder | string> {
    const { kube, backup, identity, log, signal } = this.#options
    const { uid, annotations } = backup.metadata
    const drivers = new Set<string>()
    const claims: KubeObject[] = []
    for (const { claim, protection } of planned) {
      if (claim === undefined) continue
      if (protection.by === 'csi-snapshot') {
        drivers.add(protection.driver)
        claims.push(claim)
      } else {
        const fields = { resource: 'persistentvolumeclaims', namespace, name: claim.metadata.name }
        log.warning(`Not in the snapshot of volume group ${value}, whose label it has`, fields)
      }
    }
    const [driver = ''] = drivers
    if (drivers.size > 1) return `its members are of several CSI drivers: ${[...drivers].toSorted().join(', ')}`
    const classes = (await Array.fromAsync(kube.pages(types.classes, { signal }))).flatMap(({ items }) => items)
    const choice = chooseGroupClass(classes, driver, { claims, annotations })
    if ('problem' in choice) return choice.problem
    return {
      namespace,
      name: groupName({ namespace, group: value }, identity),
      selector: { [this.#labelKey]: value },
      claims: claims.map(({ metadata }) => metadata.name),
      groupClass: choice.class,
      labels: {
        [labelKeys.backupName]: labelValue(backup.metadata.name),
        ...(uid === undefined ? {} : { [labelKeys.backupUid]: uid }),
      },
      annotations: { [snapshotMarks.run]: identity.run, [snapshotMarks.backup]: identity.backup },
    }
  }

  #stop(): AbortSignal {
    const { signal } = this.#options
    return signal === undefined ? this.#end.signal : AbortSignal.any([signal, this.#end.signal])
  }
}

interface GroupOptions extends VolumeGroupsOptions {
  readonly types: GroupTypes
  readonly stop: AbortSignal
}

/** One group on its way. */
export class VolumeGroup {
  /** Of its VolumeGroupSnapshot; undefined when none is asked for. */
  readonly name: string | undefined
  readonly #value: string
  readonly #order: GroupOrder | string
  readonly #options: GroupOptions
  readonly #members = new Map<string, SnapshotOrder>()
  #cut: Promise<void> | undefined
  #end: GroupEnd | undefined

  /** `order` may be the reason why there is none. */
  constructor(value: string, order: GroupOrder | string, options: GroupOptions) {
    this.#value = value
    this.#order = order
    this.#options = options
    this.name = typeof order === 'string' ? undefined : order.name
    if (typeof order === 'string') this.#end = { is: 'failed', reason: order }
  }

  /** Snapshots the group, once; resolves when each member has its VolumeSnapshot, or the group has failed. Rejects with the signal's reason. */
  async cut({ hurried = false }: { hurried?: boolean } = {}): Promise<void> {
    await (this.#cut ??= this.#take(hurried))
  }

  /** The snapshot of a member, which is followed as any other; undefined before the cut, and for a claim that has none. */
  orderOf(claim: string): SnapshotOrder | undefined {
    return this.#members.get(claim)
  }

  /** Why a claim has no snapshot after the cut. */
  reasonFor(claim: string): string {
    const reason = this.failure ?? `${claim} got the label when the others were snapshotted already`
    return `volume group ${this.#value}: ${reason}`
  }

  get failure(): string | undefined {
    return this.#end?.is === 'failed' ? this.#end.reason : undefined
  }

  /** Handles of all its members in the storage, whoever wanted them. */
  get handles(): readonly string[] {
    return this.#end?.is === 'cut' ? this.#end.handles : []
  }

  async #take(hurried: boolean): Promise<void> {
    const { snapshots, stop, ...options } = this.#options
    if (typeof this.#order === 'string') return
    this.#end = await cutGroup(this.#order, { ...options, hurried, signal: stop })
    if (this.#end.is === 'failed') return
    for (const snapshot of this.#end.members) {
      const { name, namespace = '', labels = {}, annotations = {} } = snapshot.metadata
      const claim = snapshot.spec?.source?.persistentVolumeClaimName ?? ''
      const order = { namespace, name, claim, snapshotClass: '', labels, annotations, hurried }
      this.#members.set(claim, order)
      snapshots.start(order, snapshot)
    }
  }
}
