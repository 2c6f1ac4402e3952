import type { Backup } from '#api/backup.ts'
import type { FrozenPod } from '#archive/manifest.ts'
import type { RunLog } from '#archive/run-log.ts'
import type { CollectedItem, Collection } from '#collect/collect.ts'
import type { HookCounts } from '#hooks/hook-counts.ts'
import type { KubeClient } from '#kube/client.ts'
import type { ClaimName } from './held-claims.ts'
import { placeOf } from './place.ts'
import { podPlan, type PodPlan } from './pod-plan.ts'
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
  readonly #plan: PodPlan
  readonly #stop = new AbortController()
  #tellClaims: (claims: ReadonlySet<string>) => void = () => undefined
  #running: Promise<void> = Promise.resolve()
  #attempted = 0
  #failed = 0

  constructor(options: PodGroupOptions) {
    this.#options = options
    this.#plan = podPlan(options.backup.spec)
    this.claims = new Promise((resolve) => (this.#tellClaims = resolve))
  }

  get counts(): HookCounts {
    return { hooksAttempted: this.#attempted, hooksFailed: this.#failed }
  }

  async *items(collection: Pick<Collection, 'items' | 'gone'>): AsyncGenerator<CollectedItem, void, void> {
    for await (const item of collection.items) {
      if (!this.#plan.see(item)) yield item
    }
    // Deleted since, in a backup that had to move on to a later version.
    for (const ref of collection.gone) this.#plan.strike(ref)
    this.#running = this.#run(this.#plan.groups())
    await this.#running
    for (const { item, leftOut } of this.#plan.pods()) if (!leftOut) yield item
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the backup has ended'))
    this.#tellClaims(new Set())
    await this.#running.catch(() => undefined)
  }

  async #run(planned: readonly HookedPod[][]): Promise<void> {
    const { signal, take = () => Promise.resolve() } = this.#options
    this.#tellClaims(new Set(planned.flat().flatMap(({ claims }) => claims.map(placeOf))))
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
    const groups = planned.values()
    const worker = async (): Promise<void> => {
      for (const group of groups) await runGroup(group, quieting)
    }
    const ends = await Promise.allSettled(Array.from({ length: GROUPS_AT_ONCE }, worker))
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  }
}
