import type { Backup } from '#api/backup.ts'
import { labelKeys } from '#api/labels.ts'
import type { FrozenPod } from '#archive/manifest.ts'
import type { RunLog } from '#archive/run-log.ts'
import type { CollectedItem, CollectedRef, Collection } from '#collect/collect.ts'
import { referenceKey } from '#collect/relations.ts'
import { backupHooks } from '#hooks/backup-hooks.ts'
import type { HookCounts } from '#hooks/hook-counts.ts'
import { claimNamesOf } from '#items/related.ts'
import type { KubeClient } from '#kube/client.ts'
import { detached, metadataOf, resourceName } from '#kube/object.ts'
import { grouped } from './group.ts'
import type { ClaimName } from './held-claims.ts'
import { orderOf } from './opening.ts'
import { type HookedPod, type Quieting, runGroup } from './quiet-group.ts'

export interface PodGroupOptions {
  readonly backup: Backup
  readonly kube: KubeClient
  readonly log: RunLog
  readonly now: () => Date
  readonly signal?: AbortSignal | undefined
  /**
   * Takes the snapshots of these claims; resolves when each is taken (its `creationTime` is set) or has failed, and does not wait for uploads.
   * Applications stand still meanwhile. Claims of which no snapshot is wanted are among them. Without it nothing takes snapshots.
   */
  readonly take?: ((claims: readonly ClaimName[]) => Promise<void>) | undefined
}

/**
 * The pods of a backup that have hooks, in groups: pods of a group share claims, or their claims are snapshotted as one volume group, or the
 * order of the backup names them. For each group: pre hooks, snapshots taken, post hooks (docs/decisions/0030-hooks.md).
 */
export interface PodGroups extends AsyncDisposable {
  /**
   * The items of the collection on their way; pods with hooks are held back until their hooks have run, and stay out when a pre hook with
   * onError Fail failed. Ends when all post hooks have ended.
   */
  items(collection: Pick<Collection, 'items' | 'gone'>): AsyncIterable<CollectedItem>
  /** `namespace/name` of the claims for which `take` will be called; resolves when every pod has come by, and before the first call. */
  readonly claims: Promise<ReadonlySet<string>>
  /** Final when `items` has ended. */
  readonly counts: HookCounts
  readonly frozen: readonly FrozenPod[]
}

/** No more groups than this stand still at the same time. */
const GROUPS_AT_ONCE = 8

/** No pods yet. Dispose ends what runs, and lets thaw what stands still. */
export function openPodGroups(options: PodGroupOptions): PodGroups {
  return new Groups(options)
}

class Groups implements PodGroups {
  readonly claims: Promise<ReadonlySet<string>>
  readonly frozen: FrozenPod[] = []
  readonly #options: PodGroupOptions
  readonly #hooks: ReturnType<typeof backupHooks>
  readonly #stop = new AbortController()
  readonly #held = new Map<string, HookedPod>()
  /** Claims that are snapshotted as one: claim → group. */
  readonly #volumeGroups = new Map<string, string>()
  readonly #volumeGroupLabel: string
  /** Pods that the order of the backup names. */
  readonly #ordered: readonly string[]
  #tellClaims: (claims: ReadonlySet<string>) => void = () => undefined
  #running: Promise<void> = Promise.resolve()
  #attempted = 0
  #failed = 0

  constructor(options: PodGroupOptions) {
    const { spec } = options.backup
    this.#options = options
    this.#hooks = backupHooks(spec)
    this.#volumeGroupLabel = spec.volumeGroupSnapshotLabelKey || labelKeys.volumeGroup
    this.#ordered = orderOf(spec.orderedResources).get('pods') ?? []
    this.claims = new Promise((resolve) => (this.#tellClaims = resolve))
  }

  get counts(): HookCounts {
    return { hooksAttempted: this.#attempted, hooksFailed: this.#failed }
  }

  async *items(collection: Pick<Collection, 'items' | 'gone'>): AsyncGenerator<CollectedItem, void, void> {
    for await (const item of collection.items) {
      if (!this.#holds(item)) yield item
    }
    // Deleted since, in a backup that had to move on to a later version.
    for (const ref of collection.gone) this.#held.delete(keyOf(ref))
    this.#running = this.#run([...this.#held.values()])
    await this.#running
    for (const { item, leftOut } of this.#held.values()) if (!leftOut) yield item
    this.#held.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the backup has ended'))
    this.#tellClaims(new Set())
    await this.#running.catch(() => undefined)
  }

  #holds(item: CollectedItem): boolean {
    const resource = resourceName(item.type)
    if (resource === 'persistentvolumeclaims') {
      const label = metadataOf(item).labels?.[this.#volumeGroupLabel]
      if (label) this.#volumeGroups.set(`${item.namespace}/${item.name}`, label)
    }
    if (resource !== 'pods') return false
    const hooks = this.#hooks.of(item)
    if (hooks === undefined) return false
    const { namespace = '', name } = item
    const claims = claimNamesOf(item.object).map((claim) => ({ namespace, name: claim }))
    this.#held.set(keyOf(item), { item: detached(item), hooks, namespace, name, claims, leftOut: false })
    return true
  }

  async #run(pods: readonly HookedPod[]): Promise<void> {
    const { signal, take = () => Promise.resolve() } = this.#options
    this.#tellClaims(new Set(pods.flatMap(({ claims }) => claims.map(claimKey))))
    const stop = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal])
    const quieting: Quieting = {
      ...this.#options,
      take,
      stop,
      onHook: (failure) => {
        this.#attempted += 1
        if (failure !== undefined) this.#failed += 1
      },
      onThawed: (pod) => this.frozen.push(pod),
    }
    const groups = grouped(this.#inOrder(pods), (pod) => this.#keysOf(pod)).values()
    const worker = async (): Promise<void> => {
      for (const group of groups) await runGroup(group, quieting)
    }
    const ends = await Promise.allSettled(Array.from({ length: GROUPS_AT_ONCE }, worker))
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  }

  /** The pods that the order of the backup names come first, one after the other. */
  #inOrder(pods: readonly HookedPod[]): HookedPod[] {
    const places = new Map(this.#ordered.map((name, place) => [name, place]))
    const placeOf = (pod: HookedPod): number => places.get(claimKey(pod)) ?? places.size
    return pods.toSorted((a, b) => placeOf(a) - placeOf(b))
  }

  #keysOf(pod: HookedPod): string[] {
    const claims = pod.claims.map(claimKey)
    const groups = claims.flatMap((claim) => {
      const group = this.#volumeGroups.get(claim)
      return group === undefined ? [] : [`group ${pod.namespace}/${group}`]
    })
    const ordered = this.#ordered.includes(claimKey(pod)) ? ['the order'] : []
    return [...claims.map((claim) => `claim ${claim}`), ...groups, ...ordered]
  }
}

function claimKey({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`
}

function keyOf({ type, namespace, name }: CollectedRef): string {
  return referenceKey({ resource: resourceName(type), namespace, name })
}
