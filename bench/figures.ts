/** What one run of one program cost. */
export interface Cost {
  seconds: number
  /** Highest resident memory of the process, in MB of 10^6 bytes. */
  peakRssMB: number
  /** Processor time, user and system. */
  cpuSeconds: number
  /** Requests the API server counted meanwhile, those of the cluster's own controllers among them. */
  apiCalls: number
}

/** The cost of the run and how many objects it went through. */
export interface Run extends Cost {
  objects: number
}

/** What is reported of several runs. */
export interface Figures extends Cost {
  objectsPerSecond: number
}

/** The median of each figure by itself: one disturbed run disturbs nothing. Throws RangeError without runs. */
export function figuresOf(runs: readonly Run[]): Figures {
  const objectsPerSecond = Math.round(median(runs.map(({ objects, seconds }) => objects / seconds)))
  return { ...costOf(runs), objectsPerSecond }
}

/** The same of what is not counted in objects. Throws RangeError without runs. */
export function costOf(runs: readonly Cost[]): Cost {
  return {
    seconds: round(median(runs.map(({ seconds }) => seconds)), 3),
    peakRssMB: round(median(runs.map(({ peakRssMB }) => peakRssMB)), 1),
    cpuSeconds: round(median(runs.map(({ cpuSeconds }) => cpuSeconds)), 2),
    apiCalls: Math.round(median(runs.map(({ apiCalls }) => apiCalls))),
  }
}

/** The middle value; the mean of the two in the middle of an even number. Throws RangeError for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  if (low === undefined || high === undefined) throw new RangeError('there is no median of nothing')
  return (low + high) / 2
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
