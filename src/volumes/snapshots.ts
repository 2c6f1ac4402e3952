import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { unlessAborted } from '#kube/unless-aborted.ts'
import { orderedSnapshot, type SnapshotOrder } from './snapshot-order.ts'
import { snapshotStep, type SnapshotLimits, type SnapshotSight } from './snapshot-step.ts'
import {
  VolumeSnapshotContents,
  VolumeSnapshots,
  type VolumeSnapshot,
  type VolumeSnapshotContent,
} from './snapshot-types.ts'

/** How far a snapshot is. */
export type SnapshotState =
  | { readonly is: 'under-way'; readonly taken: boolean; readonly snapshot: VolumeSnapshot | undefined }
  | { readonly is: 'ready'; readonly snapshot: VolumeSnapshot; readonly content: VolumeSnapshotContent }
  | { readonly is: 'failed'; readonly reason: string }

export interface SnapshotsOptions {
  readonly kube: KubeClient
  /** Finds every snapshot that is ordered, by its labels. */
  readonly labelSelector: string
  /** Milliseconds in which a snapshot has to be taken. */
  readonly timeoutMillis: number
  readonly now: () => Date
  readonly signal?: AbortSignal | undefined
}

/** The snapshots of one run: all at once, followed by one watch for all of them. */
export interface Snapshots extends AsyncDisposable {
  start(order: SnapshotOrder): void
  stateOf(order: Pick<SnapshotOrder, 'namespace' | 'name'>): SnapshotState | undefined
  /** Resolves when each of them is taken or has failed. Rejects with the signal's reason. */
  taken(orders: readonly Pick<SnapshotOrder, 'namespace' | 'name'>[]): Promise<void>
  /** Resolves at the next change of any. */
  change(): Promise<void>
  /** Fails a snapshot that is not ready. */
  giveUp(order: Pick<SnapshotOrder, 'namespace' | 'name'>, reason: string): void
}

/** While an application stands still a driver may say an error for so long. */
const HURRIED_ERRORS_MS = 15_000
const REREAD_MS = 1000

/** No snapshots yet; nothing is asked of the cluster before the first. */
export function openSnapshots(options: SnapshotsOptions): Snapshots {
  return new RunningSnapshots(options)
}

interface Run {
  readonly order: SnapshotOrder
  sight: SnapshotSight
  state: SnapshotState
  /** A call about it is on its way. */
  busy: boolean
  timer: NodeJS.Timeout | undefined
}

class RunningSnapshots implements Snapshots {
  readonly #options: SnapshotsOptions
  readonly #runs = new Map<string, Run>()
  readonly #end = new AbortController()
  readonly #signal: AbortSignal
  readonly #calls = new Set<Promise<void>>()
  #following: Promise<void> | undefined
  /** The first list has told which are there already. */
  #listed = false
  #changed = Promise.withResolvers<void>()

  constructor(options: SnapshotsOptions) {
    this.#options = options
    this.#signal = AbortSignal.any([this.#end.signal, ...(options.signal === undefined ? [] : [options.signal])])
  }

  start(order: SnapshotOrder): void {
    if (this.#runs.has(keyOf(order))) return
    const sight: SnapshotSight = {
      snapshot: undefined,
      made: false,
      content: undefined,
      refusal: undefined,
      since: this.#now(),
      errorSince: undefined,
    }
    const state: SnapshotState = { is: 'under-way', taken: false, snapshot: undefined }
    const run: Run = { order, sight, state, busy: false, timer: undefined }
    this.#runs.set(keyOf(order), run)
    this.#following ??= this.#follow()
    if (this.#listed) this.#advance(run)
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
    const run = this.#runs.get(keyOf(order))
    if (run !== undefined && run.state.is === 'under-way') this.#fail(run, reason)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort()
    for (const { timer } of this.#runs.values()) clearTimeout(timer)
    await Promise.all([this.#following, ...this.#calls])
  }

  /** Lists, then watches; again from the list when the server has forgotten where the watch was. */
  async #follow(): Promise<void> {
    const { kube, labelSelector } = this.#options
    const signal = this.#signal
    while (!signal.aborted) {
      try {
        const seen = new Set<string>()
        let resourceVersion = ''
        for await (const page of kube.pages(VolumeSnapshots, { labelSelector, signal })) {
          resourceVersion = page.resourceVersion
          for (const snapshot of page.items) seen.add(this.#see(snapshot))
        }
        this.#listed = true
        for (const [key, run] of this.#runs) if (!seen.has(key)) await this.#lookFor(run)
        for await (const event of kube.watch(VolumeSnapshots, { labelSelector, resourceVersion, signal })) {
          if (event.type === 'DELETED') this.#missed(this.#runs.get(placeOf(event.object)))
          else if (event.type !== 'BOOKMARK') this.#see(event.object)
        }
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof KubeError && error.problem === 'expired') continue
        for (const run of this.#runs.values())
          this.giveUp(run.order, `VolumeSnapshots cannot be watched: ${(error as Error).message}`)
        // Those that are ordered from now on have nobody to follow them either.
        this.#following = undefined
        this.#listed = false
        return
      }
    }
  }

  /** A list does not show what was made while it was read. */
  async #lookFor(run: Run): Promise<void> {
    const { namespace, name } = run.order
    const { kube } = this.#options
    const live = run.sight.made
      ? await kube.find(VolumeSnapshots, name, { namespace, signal: this.#signal })
      : undefined
    if (live === undefined) this.#missed(run)
    else this.#see(live)
  }

  #see(snapshot: VolumeSnapshot): string {
    const key = placeOf(snapshot)
    const run = this.#runs.get(key)
    if (run !== undefined) this.#note(run, { ...run.sight, snapshot, made: true })
    return key
  }

  #missed(run: Run | undefined): void {
    if (run !== undefined) this.#note(run, { ...run.sight, snapshot: undefined })
  }

  #note(run: Run, sight: SnapshotSight): void {
    const { snapshot } = sight
    const error = snapshot?.status?.error?.message
    const made = Date.parse(snapshot?.metadata.creationTimestamp ?? '')
    run.sight = {
      ...sight,
      // One that an earlier server has asked for has been waited for already.
      since: Number.isNaN(made) ? sight.since : Math.min(made, sight.since),
      errorSince: error === undefined ? undefined : (sight.errorSince ?? this.#now()),
    }
    this.#advance(run)
  }

  #advance(run: Run): void {
    if (run.busy || run.state.is !== 'under-way' || this.#signal.aborted) return
    clearTimeout(run.timer)
    const step = snapshotStep(run.sight, this.#limitsOf(run), this.#now())
    switch (step.do) {
      case 'make':
        return this.#call(run, () => this.#make(run))
      case 'read-content':
        return this.#call(run, () => this.#readContent(run))
      case 'wait': {
        if (step.until !== undefined) {
          const left = Math.max(0, step.until - this.#now()) + 1
          run.timer = setTimeout(() => this.#advance(run), Math.min(left, 0x7fff_ffff))
        }
        const { snapshot } = run.sight
        return this.#become(run, { is: 'under-way', taken: step.taken, snapshot })
      }
      case 'end':
        return this.#become(run, { is: 'ready', snapshot: step.snapshot, content: step.content })
      case 'fail':
        return this.#fail(run, step.reason)
    }
  }

  #limitsOf({ order }: Run): SnapshotLimits {
    const { timeoutMillis } = this.#options
    return { taking: timeoutMillis, errors: order.hurried === true ? HURRIED_ERRORS_MS : timeoutMillis }
  }

  #call(run: Run, work: () => Promise<void>): void {
    run.busy = true
    const call = work().then(() => {
      run.busy = false
      this.#calls.delete(call)
      if (!this.#signal.aborted) this.#advance(run)
    })
    this.#calls.add(call)
  }

  async #make(run: Run): Promise<void> {
    const { kube } = this.#options
    const { namespace } = run.order
    try {
      // To its end in any case: whoever clears up afterwards must find it.
      const made = await kube.create(VolumeSnapshots, orderedSnapshot(run.order), { namespace })
      // The watch may have told more of it already.
      run.sight = { ...run.sight, made: true, snapshot: run.sight.snapshot ?? made }
    } catch (error) {
      if (this.#signal.aborted) return
      const existing = await this.#existing(run.order, error)
      if (existing === undefined)
        run.sight = { ...run.sight, refusal: `it cannot be made: ${(error as Error).message}` }
      else run.sight = { ...run.sight, made: true, snapshot: run.sight.snapshot ?? existing }
    }
  }

  /** What is there after a create was refused, or its answer lost. */
  async #existing({ namespace, name }: SnapshotOrder, error: unknown): Promise<VolumeSnapshot | undefined> {
    if (!(error instanceof KubeError) || (error.problem !== 'already-exists' && error.problem !== 'unreachable'))
      return undefined
    return await this.#options.kube
      .find(VolumeSnapshots, name, { namespace, signal: this.#signal })
      .catch(() => undefined)
  }

  async #readContent(run: Run): Promise<void> {
    const { kube } = this.#options
    const name = run.sight.snapshot?.status?.boundVolumeSnapshotContentName ?? ''
    try {
      const content = await kube.find(VolumeSnapshotContents, name, { signal: this.#signal })
      run.sight = { ...run.sight, content: content ?? 'missing' }
      if (content?.status?.snapshotHandle === undefined && content !== undefined) await this.#pause()
    } catch (error) {
      if (this.#signal.aborted) return
      run.sight = { ...run.sight, refusal: `its VolumeSnapshotContent cannot be read: ${(error as Error).message}` }
    }
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, REREAD_MS)
    this.#signal.addEventListener('abort', () => resolve(), { once: true })
    await promise.finally(() => clearTimeout(timer))
  }

  #fail(run: Run, reason: string): void {
    clearTimeout(run.timer)
    this.#become(run, { is: 'failed', reason })
  }

  #become(run: Run, state: SnapshotState): void {
    run.state = state
    this.#changed.resolve()
    this.#changed = Promise.withResolvers<void>()
  }

  #now(): number {
    return this.#options.now().getTime()
  }
}

function keyOf({ namespace, name }: Pick<SnapshotOrder, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`
}

function placeOf({ metadata }: VolumeSnapshot): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`
}
