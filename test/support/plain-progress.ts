import type { AssetProgress } from '#sandbox/assets.ts'

/** Tells the progress of builds in plain lines on standard error, one per program and then one every ten seconds. */
export function plainProgress(): (event: AssetProgress) => void {
  let last = { what: '', at: Number.NEGATIVE_INFINITY }
  return (event) => {
    const what = `${event.asset} ${event.step}`
    const isNews = what !== last.what || event.elapsedMs - last.at >= 10_000
    if (!isNews) return
    last = { what, at: event.elapsedMs }
    process.stderr.write(`${describe(event)}\n`)
  }
}

function describe(event: AssetProgress): string {
  const name = `${event.asset} ${event.version}`
  const elapsed = formatSeconds(event.elapsedMs)
  switch (event.step) {
    case 'waiting':
      return `${name}: process ${event.holder} builds it, waiting (${elapsed})`
    case 'fetching':
      return `${name}: not on this machine yet, fetching its sources`
    case 'building':
      return `${name}: ${event.compiled} of ${event.packages} packages, ${elapsed}, about ${formatSeconds(event.remainingMs)} left`
    case 'built':
      return `${name}: built in ${elapsed}`
  }
}

function formatSeconds(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
