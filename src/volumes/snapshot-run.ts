import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { contentBefore, keptContent, orderedSnapshot, type SnapshotOrder } from './snapshot-order.ts'
import { clockOf, limitsOf, snapshotStep, type SnapshotSight } from './snapshot-step.ts'
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

export interface SnapshotRunOptions {
  readonly kube: KubeClient
  /** Milliseconds in which the snapshot has to be taken. */
  readonly timeoutMillis: number
  readonly now: () => Date
  /** Nothing is done after it. */
  readonly signal: AbortSignal
  /** Asks for the snapshot at its turn. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>
  /** Hears that the state has changed. */
  readonly onChange: () => void
}

const REREAD_MS = 1000

/** One snapshot from its order to its end; whoever follows the VolumeSnapshots tells it what there is. */
export class SnapshotRun {
  readonly order: SnapshotOrder
  readonly #options: SnapshotRunOptions
  #sight: SnapshotSight
  #state: SnapshotState = { is: 'under-way', taken: false, snapshot: undefined }
  /** The call about it that is on its way. */
  #call: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  /** Nothing is done before `advance`, `see` or `miss`. */
  constructor(order: SnapshotOrder, options: SnapshotRunOptions) {
    this.order = order
    this.#options = options
    this.#sight = {
      snapshot: undefined,
      made: false,
      content: undefined,
      refusal: undefined,
      since: this.#now(),
      errorSince: undefined,
    }
  }

  get state(): SnapshotState {
    return this.#state
  }

  /** The VolumeSnapshot as it is now. */
  see(snapshot: VolumeSnapshot): void {
    this.#note({ ...this.#sight, snapshot, made: true })
  }

  /** There is no VolumeSnapshot. */
  miss(): void {
    this.#note({ ...this.#sight, snapshot: undefined })
  }

  /** A list does not show what was made while it was read. Rejects with KubeError. */
  async lookAgain(): Promise<void> {
    const { kube, signal } = this.#options
    const { namespace, name } = this.order
    const live = this.#sight.made ? await kube.find(VolumeSnapshots, name, { namespace, signal }) : undefined
    if (live === undefined) this.miss()
    else this.see(live)
  }

  /** Does what is to be done now. */
  advance(): void {
    if (this.#call !== undefined || this.#state.is !== 'under-way' || this.#options.signal.aborted) return
    clearTimeout(this.#timer)
    const { timeoutMillis } = this.#options
    const limits = limitsOf({ timeoutMillis, hurried: this.order.hurried === true })
    const step = snapshotStep(this.#sight, limits, this.#now())
    switch (step.do) {
      case 'make':
        return this.#begin(() => this.#make())
      case 'read-content':
        return this.#begin(() => this.#readContent())
      case 'wait': {
        if (step.until !== undefined) {
          const left = Math.max(0, step.until - this.#now()) + 1
          this.#timer = setTimeout(() => this.advance(), Math.min(left, 0x7fff_ffff))
        }
        const { snapshot } = this.#sight
        return this.#become({ is: 'under-way', taken: step.taken, snapshot })
      }
      case 'end':
        return this.#become({ is: 'ready', snapshot: step.snapshot, content: step.content })
      case 'fail':
        return this.fail(step.reason)
    }
  }

  /** Ends it unless it has ended. */
  fail(reason: string): void {
    if (this.#state.is !== 'under-way') return
    clearTimeout(this.#timer)
    this.#become({ is: 'failed', reason })
  }

  /** After the signal: resolves when no call is on its way any more. */
  async stopped(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#call
  }

  #note(sight: SnapshotSight): void {
    const { snapshot } = sight
    const clock = snapshot === undefined ? { errorSince: undefined } : clockOf(snapshot, sight, this.#now())
    this.#sight = { ...sight, ...clock }
    this.advance()
  }

  #begin(work: () => Promise<void>): void {
    this.#call = work().then(() => {
      this.#call = undefined
      if (!this.#options.signal.aborted) this.advance()
    })
  }

  async #make(): Promise<void> {
    const { kube, signal, inTurn } = this.#options
    const { namespace } = this.order
    try {
      const made = await inTurn(async () => {
        signal.throwIfAborted()
        // To its end in any case: whoever clears up afterwards must find it.
        return await kube.create(VolumeSnapshots, orderedSnapshot(this.order), { namespace })
      })
      // The watch may have told more of it already.
      this.#sight = { ...this.#sight, made: true, snapshot: this.#sight.snapshot ?? made }
    } catch (error) {
      if (signal.aborted) return
      const existing = await this.#existing(error)
      if (existing === undefined)
        this.#sight = { ...this.#sight, refusal: `it cannot be made: ${(error as Error).message}` }
      else this.#sight = { ...this.#sight, made: true, snapshot: this.#sight.snapshot ?? existing }
    }
  }

  /** What is there after a create was refused, or its answer lost. */
  async #existing(error: unknown): Promise<VolumeSnapshot | undefined> {
    if (!(error instanceof KubeError) || (error.problem !== 'already-exists' && error.problem !== 'unreachable'))
      return undefined
    const { kube, signal } = this.#options
    const { namespace, name } = this.order
    return await kube.find(VolumeSnapshots, name, { namespace, signal }).catch(() => undefined)
  }

  async #readContent(): Promise<void> {
    const { signal } = this.#options
    const name = this.#sight.snapshot?.status?.boundVolumeSnapshotContentName ?? ''
    try {
      const content = await this.#contentNamed(name)
      this.#sight = { ...this.#sight, content: content ?? 'missing' }
      if (content?.status?.snapshotHandle === undefined && content !== undefined)
        await sleep(REREAD_MS, undefined, { signal })
    } catch (error) {
      if (signal.aborted) return
      const refusal = `its VolumeSnapshotContent cannot be ${this.order.keeping ? 'kept' : 'read'}: ${(error as Error).message}`
      this.#sight = { ...this.#sight, refusal }
    }
  }

  /** Undefined when there is none. One call, whether it is to be kept or not. */
  async #contentNamed(name: string): Promise<VolumeSnapshotContent | undefined> {
    const { kube, signal } = this.#options
    const { keeping } = this.order
    if (keeping === undefined) return await kube.find(VolumeSnapshotContents, name, { signal })
    try {
      const kept = await kube.patch(VolumeSnapshotContents, name, { merge: keptContent(keeping) }, { signal })
      return contentBefore(kept, keeping)
    } catch (error) {
      if (error instanceof KubeError && error.problem === 'not-found') return undefined
      throw error
    }
  }

  #become(state: SnapshotState): void {
    this.#state = state
    this.#options.onChange()
  }

  #now(): number {
    return this.#options.now().getTime()
  }
}
