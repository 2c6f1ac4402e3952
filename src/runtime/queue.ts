// The loop under every controller: what changed becomes a name in a queue, the queue hands each name to one worker at a time,
// and a name that failed comes back later. This room knows Kubernetes' watch and lease, and nothing about backups.

/** Names waiting to be worked on. A name added twice before its turn is worked on once; a name added during its work comes again after it. */
export interface WorkQueue {
  add(name: string): void
  /** Adds `name` in `millis`, unless it comes earlier for another reason. */
  addAfter(name: string, millis: number): void
  /** As `addAfter`, with a delay that doubles with each failure in a row. */
  addFailed(name: string): void
  /** Forgets the failures of `name`. */
  succeeded(name: string): void
  /** Waits for a name; undefined once the queue is closed. Each taken name must be given back with `done`. */
  take(): Promise<string | undefined>
  done(name: string): void
  close(): void
  /** Names waiting now. */
  readonly length: number
}

const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 60_000

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
  const timers = new Map<string, { at: number; timer: NodeJS.Timeout }>()
  const takers: ((name: string | undefined) => void)[] = []
  let closed = false

  const hand = (): void => {
    while (takers.length > 0 && waiting.size > 0) {
      const [name] = waiting
      if (name === undefined) return
      waiting.delete(name)
      working.add(name)
      takers.shift()?.(name)
    }
  }
  const add = (name: string): void => {
    if (closed) return
    clearTimeout(timers.get(name)?.timer)
    timers.delete(name)
    if (working.has(name)) again.add(name)
    else waiting.add(name)
    hand()
  }
  const addAfter = (name: string, millis: number): void => {
    const at = performance.now() + millis
    const planned = timers.get(name)
    if (closed || (planned !== undefined && planned.at <= at)) return
    clearTimeout(planned?.timer)
    timers.set(name, { at, timer: setTimeout(() => add(name), millis).unref() })
  }
  return {
    add,
    addAfter,
    addFailed(name) {
      const count = (failures.get(name) ?? 0) + 1
      failures.set(name, count)
      addAfter(name, failureDelay(count))
    },
    succeeded: (name) => void failures.delete(name),
    take() {
      if (closed) return Promise.resolve(undefined)
      return new Promise((resolve) => {
        takers.push(resolve)
        hand()
      })
    },
    done(name) {
      working.delete(name)
      if (again.delete(name)) add(name)
    },
    close() {
      closed = true
      for (const { timer } of timers.values()) clearTimeout(timer)
      for (const taker of takers.splice(0)) taker(undefined)
    },
    get length() {
      return waiting.size
    },
  }
}
