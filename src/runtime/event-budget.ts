/** How many events each object may have. */
export interface EventBudget {
  /** Whether another event about the object `key` may be sent at `now` (ms, a steady clock); if so, it is counted. */
  take(key: string, now: number): boolean
}

/** At once; one more becomes free in each `REFILL_MS` after that. As client-go allows. */
const BURST = 25
const REFILL_MS = 5 * 60_000
/** Objects that are remembered; of those forgotten the one seen last longest ago goes first. */
const MOST_OBJECTS = 2000

/** A budget in which no object has had an event yet. */
export function eventBudget(): EventBudget {
  const spent = new Map<string, { left: number; at: number }>()
  return {
    take(key, now) {
      const before = spent.get(key) ?? { left: BURST, at: now }
      const left = Math.min(BURST, before.left + (now - before.at) / REFILL_MS)
      spent.delete(key)
      spent.set(key, { left: left < 1 ? left : left - 1, at: now })
      if (spent.size > MOST_OBJECTS) spent.delete(spent.keys().next().value ?? '')
      return left >= 1
    },
  }
}
