// The loop under every controller: what changed becomes a name in a queue, the queue hands each name to one worker at a time,
// and a name that failed comes back later. This room knows Kubernetes' watch and lease, and nothing about backups.

/** Names waiting to be worked on. A name added twice before its turn is worked on once; a name added during its work comes again after it. */
export interface WorkQueue {
  add(name: string): void
  /** Waits for a name; undefined once the queue is closed. Each taken name must be given back with `done` or `failed`. */
  take(): Promise<string | undefined>
  /** Work on `name` is over; with `afterMillis` it comes again by then at the latest. */
  done(name: string, afterMillis?: number): void
  /** As `done`, to be tried again after a pause that doubles with each failure in a row. What changed during the work waits for it too. */
  failed(name: string): void
  /** Hands out nothing any more. */
  close(): void
}

const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 60_000
/** Node's timers fire at once when they are set any later. Coming too early does no harm, whoever works looks anew. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** How long a name waits after its `failures`-th failure in a row, in ms. */
export function failureDelay(failures: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** (failures - 1), LONGEST_DELAY_MS)
}

/** Opens a queue. */
export function openQueue(): WorkQueue {
  const waiting = new Set<string>()
  const working = new Set<string>()
  const again = new Set<string>()
  const failures = new Map<string, number>()
  const timers = new Map<string, NodeJS.Timeout>()
  const takers: ((name: string | undefined) => void)[] = []
  let closed = false

  const forgetTimer = (name: string): void => {
    clearTimeout(timers.get(name))
    timers.delete(name)
  }
  const add = (name: string): void => {
    if (closed) return
    forgetTimer(name)
    if (working.has(name)) {
      again.add(name)
      return
    }
    waiting.add(name)
    hand()
  }
  const hand = (): void => {
    for (const name of waiting) {
      const taker = takers.shift()
      if (taker === undefined) return
      waiting.delete(name)
      working.add(name)
      taker(name)
    }
  }
  const addAfter = (name: string, millis: number): void => {
    if (closed) return
    const timer = setTimeout(() => add(name), Math.min(millis, LONGEST_TIMER_MS))
    timers.set(name, timer.unref())
  }
  return {
    add,
    take() {
      if (closed) return Promise.resolve(undefined)
      return new Promise((resolve) => {
        takers.push(resolve)
        hand()
      })
    },
    done(name, afterMillis) {
      working.delete(name)
      failures.delete(name)
      if (again.delete(name)) add(name)
      else if (afterMillis !== undefined) addAfter(name, afterMillis)
    },
    failed(name) {
      const count = (failures.get(name) ?? 0) + 1
      failures.set(name, count)
      working.delete(name)
      // Most of what changed meanwhile is what the failed work itself wrote: without the pause it would drive itself round.
      again.delete(name)
      addAfter(name, failureDelay(count))
    },
    close() {
      closed = true
      for (const timer of timers.values()) clearTimeout(timer)
      for (const taker of takers.splice(0)) taker(undefined)
    },
  }
}
