import type { KubeClient } from '#kube/client.ts'
import { follow } from '#kube/follow.ts'
import { unlessAborted } from '#kube/unless-aborted.ts'
import { atMost } from './at-most.ts'
import type { SnapshotOrder } from './snapshot-order.ts'
import { SnapshotRun, type SnapshotState } from './snapshot-run.ts'
import { VolumeSnapshots, type VolumeSnapshot } from './snapshot-types.ts'

export interface SnapshotsOptions {
  readonly kube: KubeClient
  /** Finds every snapshot that is ordered, by its labels. */
  readonly labelSelector: string
  /** A resourceVersion from before the first order. */
  readonly version?: string | undefined
  /** Milliseconds in which a snapshot has to be taken. */
  readonly timeoutMillis: number
  readonly now: () => Date
  readonly signal?: AbortSignal | undefined
}

/** The snapshots of one run: all at once, followed by one watch for all of them. */
export interface Snapshots extends AsyncDisposable {
  /** Begins to look at what is there, so that the first order need not wait for it. */
  expect(): void
  /** `seen` is the VolumeSnapshot where it is there already. */
  start(order: SnapshotOrder, seen?: VolumeSnapshot): void
  stateOf(order: Pick<SnapshotOrder, 'namespace' | 'name'>): SnapshotState | undefined
  /** Resolves when each of them is taken or has failed. Rejects with the signal's reason. */
  taken(orders: readonly Pick<SnapshotOrder, 'namespace' | 'name'>[]): Promise<void>
  /** Resolves at the next change of any. */
  change(): Promise<void>
  /** Fails a snapshot that is not ready. */
  giveUp(order: Pick<SnapshotOrder, 'namespace' | 'name'>, reason: string): void
}

/** No snapshots yet; nothing is asked of the cluster before the first, or `expect`. */
export function openSnapshots(options: SnapshotsOptions): Snapshots {
  return new RunningSnapshots(options)
}

/** So many are asked for at a time: more calls at once would only open more connections, and that takes processor time from those who take the snapshots. */
const AT_ONCE = 16

class RunningSnapshots implements Snapshots {
  readonly #options: SnapshotsOptions
  readonly #runs = new Map<string, SnapshotRun>()
  readonly #end = new AbortController()
  readonly #signal: AbortSignal
  readonly #inTurn = atMost(AT_ONCE)
  #following: Promise<void> | undefined
  /** The first list has told which are there already. */
  #listed = false
  #changed = Promise.withResolvers<void>()

  constructor(options: SnapshotsOptions) {
    this.#options = options
    this.#signal = AbortSignal.any([this.#end.signal, ...(options.signal === undefined ? [] : [options.signal])])
  }

  expect(): void {
    this.#following ??= this.#follow()
  }

  start(order: SnapshotOrder, seen?: VolumeSnapshot): void {
    if (this.#runs.has(keyOf(order))) return
    const run = new SnapshotRun(order, {
      ...this.#options,
      signal: this.#signal,
      inTurn: this.#inTurn,
      onChange: () => this.#tell(),
    })
    this.#runs.set(keyOf(order), run)
    this.expect()
    if (seen !== undefined) run.see(seen)
    else if (this.#listed) run.advance()
  }

  stateOf(order: Pick<SnapshotOrder, 'namespace' | 'name'>): SnapshotState | undefined {
    return this.#runs.get(keyOf(order))?.state
  }

  async taken(orders: readonly Pick<SnapshotOrder, 'namespace' | 'name'>[]): Promise<void> {
    const waits = (): boolean =>
      orders.some((one) => {
        const state = this.stateOf(one)
        return state?.is === 'under-way' && !state.taken
      })
    while (waits()) await this.change()
  }

  async change(): Promise<void> {
    await unlessAborted(this.#changed.promise, this.#options.signal)
  }

  giveUp(order: Pick<SnapshotOrder, 'namespace' | 'name'>, reason: string): void {
    this.#runs.get(keyOf(order))?.fail(reason)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort()
    await Promise.all([this.#following, ...[...this.#runs.values()].map((run) => run.stopped())])
  }

  async #follow(): Promise<void> {
    const { kube, labelSelector, version } = this.#options
    try {
      for await (const change of follow(kube, VolumeSnapshots, { labelSelector, version, signal: this.#signal })) {
        if ('all' in change) await this.#seeAll(change.all)
        else if (change.type === 'DELETED') this.#runs.get(placeOf(change.object))?.miss()
        else this.#runs.get(placeOf(change.object))?.see(change.object)
      }
    } catch (error) {
      if (this.#signal.aborted) return
      for (const run of this.#runs.values()) run.fail(`VolumeSnapshots cannot be watched: ${(error as Error).message}`)
      // Those that are ordered from now on have nobody to follow them either.
      this.#following = undefined
      this.#listed = false
    }
  }

  async #seeAll(all: readonly VolumeSnapshot[]): Promise<void> {
    const seen = new Set(all.map(placeOf))
    for (const snapshot of all) this.#runs.get(placeOf(snapshot))?.see(snapshot)
    this.#listed = true
    for (const [key, run] of this.#runs) if (!seen.has(key)) await run.lookAgain()
  }

  #tell(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers<void>()
  }
}

function keyOf({ namespace, name }: Pick<SnapshotOrder, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`
}

function placeOf({ metadata }: VolumeSnapshot): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`
}
