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
/** Mean latency at which the server is taken to be drowning, whatever the width was before. */
const DROWNING_MS = 3_000
/** Windows to stay at a width that proved best before growing is tried again. */
const REST = 10

/**
 * A pace that widens while latency stays flat, goes back when widening bought nothing, and halves when the server refuses.
 * It judges windows of as many calls as it is wide, so every judgement has seen the whole width at work.
 */
export function adaptivePace({ start = 16, least = 2, most = 96 }: PaceOptions = {}): Pace {
  let width = start
  let before: { width: number; mean: number } | undefined
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
      if (window.refused || mean > DROWNING_MS) halve()
      else judge(mean)
      window = { calls: 0, milliseconds: 0, refused: false }
    },
  }
}
