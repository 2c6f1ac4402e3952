/** How many calls may be under way at once. */
export interface Pace {
  readonly width: number
  /** Tells how one call went. `refused`: the server asked for less (429, 503, time-out). */
  note(call: { milliseconds: number; refused: boolean }): void
}

export interface PaceOptions {
  start?: number
  least?: number
  most?: number
}

/** Growth per step; small enough that one step too far costs little latency. */
const GROWTH = 1.3
/** Share of a width's growth that latency may grow by and still count as flat. Beyond it, the calls only queue in the server. */
const FLAT = 0.7
/** A window this many times slower than the calm before, and slow for a person too, is taken for a server in trouble. */
const COLLAPSE = 4
const SLOW_MS = 250
/** Windows to stay at a width that proved best before growing is tried again. */
const REST = 10

/**
 * A pace that widens while latency stays flat, goes back when widening bought nothing, and halves when the server refuses
 * or its latency collapses. It judges windows of as many calls as it is wide, so every judgement has seen the whole width at work.
 */
export function adaptivePace({ start = 16, least = 2, most = 64 }: PaceOptions = {}): Pace {
  let width = start
  let before: { width: number; mean: number } | undefined
  let calm = Number.POSITIVE_INFINITY
  let rest = 0
  let window = { calls: 0, milliseconds: 0, refused: false }

  const halve = (): void => {
    width = Math.max(least, Math.floor(width / 2))
    before = undefined
    rest = REST
  }
  const judge = (mean: number): void => {
    if (rest > 0) {
      rest -= 1
    } else if (before !== undefined && mean > before.mean * (1 + FLAT * (width / before.width - 1))) {
      width = before.width
      before = undefined
      rest = REST
    } else {
      before = { width, mean }
      width = Math.min(most, Math.ceil(width * GROWTH))
    }
  }

  return {
    get width() {
      return width
    },
    note({ milliseconds, refused }) {
      window.calls += 1
      window.milliseconds += milliseconds
      window.refused ||= refused
      if (window.calls < width && !refused) return
      const mean = window.milliseconds / window.calls
      if (window.refused || mean > Math.max(COLLAPSE * calm, SLOW_MS)) halve()
      else judge(mean)
      // What is slow for good (a webhook, say) is the new calm: one halving for it, not one per window.
      calm = mean
      window = { calls: 0, milliseconds: 0, refused: false }
    },
  }
}
