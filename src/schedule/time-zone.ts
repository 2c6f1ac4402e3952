/** Ways between instants and what clocks on the wall show. Both are ms since 1970; a wall time counts as if it were in UTC. */
export interface TimeZone {
  readonly name: string
  /** What a clock on the wall shows at `instant`. */
  wallAt(instant: number): number
  /** When clocks show `wall`: once as a rule, twice when they are put back over it, never when they are put forward over it. Sorted. */
  instantsOf(wall: number): readonly number[]
  /** The first instant after clocks were put forward over `wall`. Makes sense only where `instantsOf` gives none. */
  endOfGap(wall: number): number
}

const DAY_MS = 24 * 3600 * 1000

/** Coordinated universal time, in which nothing ever shifts. */
export const utc: TimeZone = {
  name: 'UTC',
  wallAt: (instant) => instant,
  instantsOf: (wall) => [wall],
  endOfGap: (wall) => wall,
}

/** The time zone of an IANA name such as `Europe/Berlin`, as Velero in its image takes them (`Local` and nothing are UTC there); undefined when there is none of that name. */
export function openTimeZone(name: string): TimeZone | undefined {
  if (/^(|utc|local|etc\/utc)$/i.test(name)) return utc
  const offsetAt = offsets(name)
  if (offsetAt === undefined) return undefined
  // No clock is further from UTC than 15 hours: a day before and after `wall` lie surely on either side of it.
  const around = (wall: number): { before: number; after: number } => ({
    before: offsetAt(wall - DAY_MS),
    after: offsetAt(wall + DAY_MS),
  })
  return {
    name,
    wallAt: (instant) => instant + offsetAt(instant),
    instantsOf(wall) {
      const { before, after } = around(wall)
      if (before === after) return [wall - before]
      const early = wall - Math.max(before, after)
      const late = wall - Math.min(before, after)
      return [early, late].filter((instant) => instant + offsetAt(instant) === wall)
    },
    endOfGap(wall) {
      const { before } = around(wall)
      let [low, high] = [wall - DAY_MS, wall + DAY_MS]
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2)
        if (offsetAt(middle) === before) low = middle
        else high = middle
      }
      return high
    },
  }
}

/** How far clocks are ahead of UTC at an instant, in ms. */
function offsets(name: string): ((instant: number) => number) | undefined {
  // An offset such as +01:00 would do here, but not in Velero.
  if (!/^[A-Za-z]/.test(name)) return undefined
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' })
  } catch {
    return undefined
  }
  return (instant) => {
    const text = format.formatToParts(instant).find(({ type }) => type === 'timeZoneName')?.value ?? ''
    const [, sign, hours, minutes = 0, seconds = 0] = /([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(text) ?? []
    if (hours === undefined) return 0
    return (sign === '-' ? -1000 : 1000) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds))
  }
}
